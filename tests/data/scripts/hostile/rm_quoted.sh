# refused: destructive.root 3
gmx --version
r""m -r'f' /
