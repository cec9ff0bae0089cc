//! The attributes, used as people use them.

use std::io;
use std::rc::Rc;

use runtime::Handle;
use runtime::task::yield_now;
use tests::deadline::soon;
use tests::panics::panics;

#[runtime::test]
async fn a_test_runs_in_a_runtime() {
    yield_now().await;
    assert_eq!(runtime::spawn(async { 7 }).await.unwrap(), 7);
}

#[runtime::test(single)]
async fn a_single_test_takes_what_is_not_send() {
    let shared = Rc::new(7);
    let held = shared.clone();
    assert_eq!(runtime::spawn_local(async move { *held }).await.unwrap(), 7);
    assert_eq!(Rc::strong_count(&shared), 1);
}

#[runtime::test]
async fn a_test_of_the_default_kind_takes_no_local_tasks() {
    let message = panics(|| runtime::spawn_local(async {}));
    assert!(message.contains("outside of a LocalRuntime"), "{message}");
}

#[runtime::test]
async fn a_test_may_return_a_result() -> io::Result<()> {
    runtime::spawn(async {}).await?;
    Ok(())
}

#[runtime::test]
#[should_panic(expected = "as it should")]
async fn a_test_may_be_expected_to_panic() {
    yield_now().await;
    panic!("as it should");
}

#[runtime::main]
async fn answer() -> u32 {
    let task = runtime::spawn(async {
        yield_now().await;
        42
    });
    task.await.unwrap()
}

#[runtime::main(single)]
async fn length() -> usize {
    let text = Rc::new(String::from("here"));
    runtime::spawn_local(async move { text.len() })
        .await
        .unwrap()
}

#[runtime::main]
async fn question_mark() -> Result<(), Box<dyn std::error::Error>> {
    let number: u32 = "not a number".parse()?;
    unreachable!("it was {number}");
}

#[runtime::main]
async fn early_return() -> io::Result<&'static str> {
    if Handle::try_current().is_ok() {
        return Ok("early");
    }
    Err(io::ErrorKind::Other.into())
}

#[runtime::main]
pub(crate) async fn throws() {
    panic!("from main");
}

#[test]
fn main_gives_what_the_function_returns() {
    soon(|| {
        assert_eq!(answer(), 42);
        assert_eq!(length(), 4);
        assert_eq!(early_return().unwrap(), "early");
        let error = question_mark().unwrap_err();
        assert!(error.is::<std::num::ParseIntError>());
        assert_eq!(panics(throws), "from main");
        assert!(Handle::try_current().is_err());
    });
}

#[test]
fn each_call_of_main_has_a_runtime_of_its_own() {
    #[runtime::main]
    async fn leaves_a_task() -> (Handle, runtime::task::JoinHandle<()>) {
        let task = runtime::spawn(std::future::pending());
        (Handle::current(), task)
    }
    soon(|| {
        let (handle, task) = leaves_a_task();
        assert!(task.is_finished(), "the runtime has ended with main");
        assert_eq!(handle.metrics().alive_tasks, 0);
        let (_, second) = leaves_a_task();
        assert!(second.is_finished());
    });
}

#[test]
fn main_inside_a_runtime_is_a_nested_block_on() {
    soon(|| {
        let message = runtime::block_on(async { panics(answer) });
        assert!(message.contains("inside the block_on at"), "{message}");
    });
}

#[runtime::test(workers = 3)]
async fn a_test_may_have_workers() {
    assert_eq!(runtime::Handle::current().metrics().workers, 3);
}

#[runtime::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_test_may_have_workers_in_other_words() {
    assert_eq!(runtime::Handle::current().metrics().workers, 2);
}

#[runtime::test(flavor = "current_thread")]
async fn a_test_may_ask_for_what_it_has() {
    assert_eq!(runtime::Handle::current().metrics().workers, 1);
}

#[runtime::test(flavor = "current_thread", single)]
async fn a_test_may_say_twice_that_it_has_one_thread() {
    let local = std::rc::Rc::new(1);
    let kept = local.clone();
    runtime::spawn_local(async move { assert_eq!(*kept, 1) })
        .await
        .unwrap();
}

#[runtime::main(workers = 2)]
async fn two_workers() -> usize {
    let count = runtime::spawn(async { runtime::Handle::current().metrics().workers });
    count.await.unwrap()
}

#[test]
fn main_may_have_workers() {
    assert_eq!(two_workers(), 2);
}
