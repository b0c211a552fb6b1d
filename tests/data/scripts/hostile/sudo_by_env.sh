# refused: privilege.sudo 2
env -u LANG PATH=/usr/bin nohup timeout -k 5 60 sudo id &
