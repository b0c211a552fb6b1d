# refused: obfuscation.inline-code 2
python3 -c 'import os; os.system("id")'
