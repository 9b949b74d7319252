//! `git session`: keeps AI coding sessions in git, beside the commits they made.

fn main() -> std::process::ExitCode {
    git_session::cli::main(std::env::args_os())
}
