# refused: privilege.sudo 3
# no sudo here
'su'do apt-get install foo
