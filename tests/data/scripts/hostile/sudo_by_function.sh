# refused: privilege.sudo 2
run() { "$@"; }
run sudo id
