/** What a frame takes where nothing is drawn: the floor of the method. */
window.load = () => {
  window.move = () => undefined;
};
