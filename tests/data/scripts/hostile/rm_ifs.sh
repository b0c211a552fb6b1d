# refused: destructive.root 2
rm${IFS}-rf${IFS}/
