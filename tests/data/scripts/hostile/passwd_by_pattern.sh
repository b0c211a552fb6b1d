# refused: sensitive-path 2
cat /e?c/pass*
