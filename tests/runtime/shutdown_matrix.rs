//! What keeps the shutdowns of other programs from ending, or makes them lose work without a word:
//! each on both flavours, with the report that it must give.
//!
//! How long each took is printed; see docs/testing.md.

use std::env;
use std::future::{pending, poll_fn};
use std::io::Read;
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Poll, Waker};
use std::thread;
use tests::mpsc::{Sender, channel};

use net::{TcpListener, TcpStream};
use runtime::Runtime;
use runtime::shutdown::{Grace, Report};
use runtime::time::Duration;
use tests::event::until;
use tests::flavours::{Flavour, flavours, flavours_within};
use tests::panics::on_drop;
use tests::sync::Mutex;

use crate::turns::catch_up;

const GRACE: Duration = Duration::from_millis(50);

/// Ends a runtime in which nobody is stuck, however busy the machine is.
fn end(runtime: Runtime, case: &str, flavour: Flavour) -> Report {
    let grace = Grace::new(GRACE).patience(Duration::from_secs(600));
    end_with(runtime, grace, case, flavour)
}

/// Ends a runtime in which somebody is.
fn end_stuck(runtime: Runtime, case: &str, flavour: Flavour) -> Report {
    end_with(runtime, Grace::new(GRACE), case, flavour)
}

fn end_with(runtime: Runtime, grace: Grace, case: &str, flavour: Flavour) -> Report {
    let report = runtime.shutdown(grace);
    let over = report.took.saturating_sub(GRACE);
    eprintln!(
        "shutdown, {flavour}, {case}: the grace and {} ms",
        over.as_millis()
    );
    report
}

/// How many have finished, were cut, run on, are stuck, and panicked.
fn counts(report: &Report) -> [usize; 5] {
    [
        report.finished.len(),
        report.cut.len(),
        report.detached.len(),
        report.stuck.len(),
        report.panics.len(),
    ]
}

/// Connections of both sides; the tasks of ours have what `serve` does.
fn connections<F>(
    runtime: &Runtime,
    count: usize,
    serve: impl Fn(TcpStream) -> F,
) -> Vec<std::net::TcpStream>
where
    F: Future<Output = ()> + Send + 'static,
{
    let connect = || async {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let mut peers = Vec::new();
        for _ in 0..count {
            peers.push(std::net::TcpStream::connect(address).unwrap());
            let (ours, _) = listener.accept().await.unwrap();
            drop(runtime::spawn(serve(ours)));
        }
        peers
    };
    let peers = runtime.block_on(connect());
    catch_up(runtime.handle());
    peers
}

#[test]
fn idle_connections_are_cut_and_closed() {
    flavours(|flavour| {
        let runtime = flavour.build();
        let peers = connections(&runtime, 100, |stream| async move {
            let _ = stream.read(&mut [0; 64]).await;
            unreachable!("nothing is ever sent");
        });
        let report = end(runtime, "100 idle connections", flavour);
        assert_eq!(counts(&report), [0, 100, 0, 0, 0], "{report}");
        for mut peer in peers {
            assert_eq!(peer.read(&mut [0; 8]).unwrap(), 0);
        }
    });
}

#[test]
fn a_writer_whose_peer_does_not_read_is_cut() {
    flavours(|flavour| {
        let runtime = flavour.build();
        let wrote = Arc::new(AtomicUsize::new(0));
        let count = wrote.clone();
        let peers = connections(&runtime, 1, move |stream| {
            let count = count.clone();
            async move {
                let chunk = vec![b'x'; 1 << 16];
                while stream.write_all(&chunk).await.is_ok() {
                    count.fetch_add(1, Ordering::SeqCst);
                }
            }
        });
        let report = end(runtime, "a slow writer", flavour);
        assert_eq!(counts(&report), [0, 1, 0, 0, 0], "{report}");
        assert!(wrote.load(Ordering::SeqCst) > 0);
        drop(peers);
    });
}

/// A closure that runs until the sender is dropped.
fn stuck_closure(runtime: &Runtime) -> Sender<()> {
    let (release, released) = channel();
    let (runs, is_running) = channel();
    drop(runtime.spawn_blocking(move || {
        runs.send(()).unwrap();
        let _ = released.recv();
    }));
    is_running.recv().unwrap();
    release
}

#[test]
fn a_closure_that_does_not_come_back_is_left_running() {
    flavours(|flavour| {
        let runtime = flavour.build();
        let release = stuck_closure(&runtime);
        let report = end_stuck(runtime, "a stuck closure", flavour);
        assert_eq!(counts(&report), [0, 0, 1, 0, 0], "{report}");
        drop(release);
    });
}

/// It is asked while all threads are taken, so it is known where it is.
#[test]
fn a_name_lookup_that_waits_for_a_thread_is_cut() {
    flavours(|flavour| {
        let runtime = flavour.builder().max_blocking_threads(1).build().unwrap();
        let release = stuck_closure(&runtime);
        drop(runtime.spawn(async { net::lookup_host("localhost:80").await.map(drop) }));
        until(|| {
            catch_up(runtime.handle());
            runtime.handle().metrics().blocking_queue_depth == 1
        });
        let report = end_stuck(runtime, "a queued name lookup", flavour);
        // The task and its closure, and the one that is in the way.
        assert_eq!(counts(&report), [0, 2, 1, 0, 0], "{report}");
        drop(release);
    });
}

/// This one may take none of the time or many seconds, as the system's resolver likes.
#[test]
fn a_name_lookup_under_way_is_done_or_left_running() {
    flavours(|flavour| {
        let runtime = flavour.build();
        let name = "no-such-host.invalid:80";
        drop(runtime.spawn(async move { net::lookup_host(name).await.map(drop) }));
        catch_up(runtime.handle());
        let report = end_stuck(runtime, "a name lookup", flavour);
        let [finished, cut, detached, stuck, panics] = counts(&report);
        assert_eq!((stuck, panics), (0, 0), "{report}");
        // The task is cut if its closure runs on, which may still end in the time after that.
        assert!(detached <= cut && cut <= 1, "{report}");
        assert!(finished + cut + detached <= 2, "{report}");
    });
}

/// A read of standard input never comes back, and the process must end all the same: it is another one,
/// whose input stays open.
#[test]
fn a_read_of_standard_input_does_not_keep_the_process() {
    const MARK: &str = "EDGEWAKE_TEST_STDIN";
    if let Ok(flavour) = env::var(MARK) {
        let is_single = flavour == Flavour::Single.to_string();
        return read_standard_input(if is_single {
            Flavour::Single
        } else {
            Flavour::Steal
        });
    }
    let name = thread::current().name().unwrap().to_owned();
    flavours(move |flavour| {
        let mut child = Command::new(env::current_exe().unwrap())
            .args([&name, "--exact", "--test-threads=1", "--nocapture"])
            .env(MARK, flavour.to_string())
            .stdin(Stdio::piped())
            .spawn()
            .unwrap();
        let open = child.stdin.take();
        assert!(child.wait().unwrap().success());
        drop(open);
    });
}

fn read_standard_input(flavour: Flavour) {
    let runtime = flavour.build();
    drop(runtime.spawn(async {
        let mut input = net::stdio::stdin().unwrap();
        let _ = input.read(&mut [0; 8]).await;
    }));
    let (reads, is_reading) = channel();
    drop(runtime.spawn_blocking(move || {
        reads.send(()).unwrap();
        std::io::stdin().read_line(&mut String::new())
    }));
    is_reading.recv().unwrap();
    catch_up(runtime.handle());
    let report = end_stuck(runtime, "a read of standard input", flavour);
    assert_eq!(counts(&report), [0, 1, 1, 0, 0], "{report}");
}

#[test]
fn a_hundred_thousand_waiting_tasks_are_dropped_and_told() {
    const TASKS: usize = 100_000;
    flavours_within(Duration::from_secs(120), |flavour| {
        let runtime = flavour.build();
        let dropped = Arc::new(AtomicUsize::new(0));
        runtime.block_on(async {
            for _ in 0..TASKS {
                let dropped = dropped.clone();
                let guard = on_drop(move || {
                    dropped.fetch_add(1, Ordering::Relaxed);
                });
                drop(runtime::spawn(async move {
                    let _guard = guard;
                    pending::<()>().await;
                }));
            }
        });
        catch_up(runtime.handle());
        let report = end(runtime, "100,000 waiting tasks", flavour);
        assert_eq!(counts(&report), [0, TASKS, 0, 0, 0]);
        assert_eq!(dropped.load(Ordering::Relaxed), TASKS);
        assert_eq!(report.to_string().lines().count(), 2);
    });
}

/// Tasks that wait, and do something when they are dropped.
fn with_destructors(
    flavour: Flavour,
    case: &str,
    destructor: impl Fn() + Clone + Send + 'static,
) -> Report {
    const TASKS: usize = 100;
    let mut builder = flavour.builder();
    let runtime = builder.on_unseen_panic(|_| ()).build().unwrap();
    for _ in 0..TASKS {
        let guard = on_drop(destructor.clone());
        drop(runtime.spawn(async move {
            let _guard = guard;
            pending::<()>().await;
        }));
    }
    catch_up(runtime.handle());
    let report = end(runtime, case, flavour);
    assert_eq!(counts(&report)[..4], [0, TASKS, 0, 0], "{report}");
    report
}

#[test]
fn what_destructors_spawn_is_refused() {
    flavours(|flavour| {
        let report = with_destructors(flavour, "spawn in drop", || {
            let refused = on_drop(|| ());
            let task = runtime::spawn(async move {
                drop(refused);
                unreachable!("nothing is spawned any more");
            });
            assert!(task.is_finished());
            assert!(runtime::spawn_blocking(|| ()).is_finished());
        });
        assert!(report.panics.is_empty(), "{report}");
    });
}

#[test]
fn destructors_may_wake_everybody() {
    flavours(|flavour| {
        let wakers: Arc<Mutex<Vec<Waker>>> = Arc::default();
        let runtime = flavour.build();
        for _ in 0..100 {
            let all = wakers.clone();
            let guard = on_drop(move || {
                let all: Vec<_> = all.lock().clone();
                all.iter().for_each(Waker::wake_by_ref);
            });
            let wakers = wakers.clone();
            drop(runtime.spawn(async move {
                let _guard = guard;
                poll_fn(|context| {
                    wakers.lock().push(context.waker().clone());
                    Poll::<()>::Pending
                })
                .await;
            }));
        }
        catch_up(runtime.handle());
        let report = end(runtime, "wake in drop", flavour);
        assert_eq!(counts(&report), [0, 100, 0, 0, 0], "{report}");
        wakers.lock().drain(..).for_each(Waker::wake);
    });
}

#[test]
fn destructors_that_panic_are_in_the_report() {
    flavours(|flavour| {
        let report = with_destructors(flavour, "panic in drop", || panic!("in a destructor"));
        assert_eq!(report.panics.len(), 100);
        let said = report.panics[0].to_string();
        assert!(said.ends_with("panicked: in a destructor"), "{said}");
    });
}
