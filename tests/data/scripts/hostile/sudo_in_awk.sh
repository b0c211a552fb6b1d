# refused: privilege.sudo 2
awk 'BEGIN { system("sudo id") }'
