# refused: container.docker 2
docker run --rm -v /:/host alpine true
