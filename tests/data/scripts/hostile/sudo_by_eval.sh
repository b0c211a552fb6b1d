# refused: privilege.sudo 3
c="su"; d="do"
eval "$c$d id"
