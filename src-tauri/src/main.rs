fn main() { twinscope_desktop::run(); }
