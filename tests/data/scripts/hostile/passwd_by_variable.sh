# refused: sensitive-path 3
P=/etc; F=pass
cat "$P/${F}wd" > out.txt
