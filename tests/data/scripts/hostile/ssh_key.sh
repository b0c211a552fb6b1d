# refused: sensitive-path 2
tar czf keys.tgz ~/.ssh
