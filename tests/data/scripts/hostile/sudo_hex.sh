# refused: privilege.sudo 2
$'\x73udo' id
