# refused: destructive.root 3
# tidy up
find / -type f -name '*.log' -delete
