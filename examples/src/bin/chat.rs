//! The chat server; all of it is in [`examples::chat`].

fn main() -> std::process::ExitCode {
    examples::chat::main()
}
