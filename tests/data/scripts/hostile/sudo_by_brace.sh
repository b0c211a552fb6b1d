# refused: privilege.sudo 2
{sudo,id}
