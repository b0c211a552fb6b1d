# refused: privilege.sudo 3
words="pseudo sudoku"
${words:7:4} id
