//! Keeps AI coding sessions in git.

fn main() {}
