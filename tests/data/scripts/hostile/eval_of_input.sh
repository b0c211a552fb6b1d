# refused: obfuscation.eval 3
command=$(head -n 1 commands.txt)
eval "$command"
