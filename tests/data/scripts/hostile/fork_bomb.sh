# refused: fork-bomb 2
:(){ :|:& };:
