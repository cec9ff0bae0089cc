//! A task that may run on any thread holds what may not leave its own.

fn main() {
    let shared = std::rc::Rc::new(5);
    runtime::block_on(async {
        runtime::spawn(async move {
            runtime::task::yield_now().await;
            println!("{shared}");
        });
    });
}

// says: cannot be sent between threads safely
// says: not Send? use spawn_local, or #[runtime::main(single)]
