# refused: stress.stress-ng 2
stress-ng --cpu 0
