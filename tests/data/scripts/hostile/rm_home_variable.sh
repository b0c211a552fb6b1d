# refused: destructive.home 2
rm -r -f "${HOME}"
