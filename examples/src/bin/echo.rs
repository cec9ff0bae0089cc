//! The echo server; all of it is in [`examples::echo`].

fn main() -> std::process::ExitCode {
    examples::echo::main()
}
