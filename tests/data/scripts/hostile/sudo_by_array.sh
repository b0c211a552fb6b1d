# refused: privilege.sudo 3
command=(sudo -n id)
"${command[@]}"
