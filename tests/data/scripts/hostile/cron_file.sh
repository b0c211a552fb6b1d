# refused: persistence.cron 2
cp job /etc/cron.d/job
