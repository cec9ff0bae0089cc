//! The servers of the examples as modules, so that they run inside a test's runtime.
//!
//! They are programs: nobody calls their `main` here, and nothing of them is anybody else's.

#[expect(dead_code, unreachable_pub, reason = "a program")]
#[path = "../../examples/src/chat/main.rs"]
pub(crate) mod chat;

#[expect(dead_code, unreachable_pub, reason = "a program")]
#[path = "../../examples/src/echo/main.rs"]
pub(crate) mod echo;
