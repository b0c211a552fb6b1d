# refused: privilege.chown 2
chown -R nobody: .
