//! What a stream sees: each signal, in order, with its value.

use std::fs;
use std::future::poll_fn;
use std::io;
use std::sync::Arc;
use std::task::{Context, Poll, Wake, Waker};
use std::thread;

use futures_core::Stream;
use net::signal::{SigInfo, Signal, SignalKind, ctrl_c, end_requested, signal, sigqueue};
use runtime::Builder;
use runtime::task::yield_now;
use tests::cancel::{cut, everywhere};
use tests::fd;
use tests::skip;

use crate::{Test, each_flavour, me};

pub(crate) const TESTS: &[Test] = &[
    ("ten_thousand_come_in_order", ten_thousand_come_in_order),
    (
        "many_come_while_they_are_sent",
        many_come_while_they_are_sent,
    ),
    ("it_is_told_who_has_sent_it", it_is_told_who_has_sent_it),
    ("standard_ones_are_one", standard_ones_are_one),
    ("each_stream_sees_each", each_stream_sees_each),
    (
        "a_stream_that_is_not_read_is_bounded",
        a_stream_that_is_not_read_is_bounded,
    ),
    ("main_keeps_what_it_is_told", main_keeps_what_it_is_told),
    (
        "a_child_gets_no_descriptor_of_a_stream",
        a_child_gets_no_descriptor_of_a_stream,
    ),
    ("streams_of_two_runtimes", streams_of_two_runtimes),
    ("all_sleep_and_one_is_woken", all_sleep_and_one_is_woken),
    ("what_nobody_took_waits", what_nobody_took_waits),
    (
        "what_was_read_ahead_waits_for_the_next_stream",
        what_was_read_ahead_waits_for_the_next_stream,
    ),
    (
        "a_released_stream_drops_its_waker_in_peace",
        a_released_stream_drops_its_waker_in_peace,
    ),
    ("a_dropped_wait_loses_nothing", a_dropped_wait_loses_nothing),
    ("a_dropped_call_loses_nothing", a_dropped_call_loses_nothing),
    (
        "the_end_of_the_runtime_is_told",
        the_end_of_the_runtime_is_told,
    ),
    ("outside_of_a_runtime", outside_of_a_runtime),
];

/// Sends values from 0 on to this process.
fn send(kind: SignalKind, values: std::ops::Range<i32>) {
    for value in values {
        while let Err(error) = sigqueue(me(), kind, value) {
            assert_eq!(error.kind(), io::ErrorKind::WouldBlock, "{error}");
            thread::yield_now();
        }
    }
}

async fn values(stream: &mut Signal, count: i32) -> Vec<i32> {
    let mut values = Vec::new();
    for _ in 0..count {
        values.push(stream.recv().await.unwrap().value);
    }
    values
}

fn nothing_is_left(stream: &mut Signal) -> bool {
    let mut context = Context::from_waker(Waker::noop());
    stream.poll_recv(&mut context).is_pending()
}

fn ten_thousand_come_in_order() {
    const MANY: i32 = 10_000;
    if !may_queue(MANY as u64 + 100) {
        return skip("10,000 queued signals", "the limit is lower (ulimit -i)");
    }
    let kind = SignalKind::real_time(3);
    each_flavour(&[kind], |runtime| {
        runtime.block_on(async {
            let mut stream = signal(kind).unwrap();
            for value in 0..MANY {
                sigqueue(me(), kind, value).unwrap();
            }
            let seen = values(&mut stream, MANY).await;
            assert!(seen.iter().copied().eq(0..MANY), "out of order");
            assert!(nothing_is_left(&mut stream));
        });
    });
}

/// Whether so many signals may wait, raising the limit as far as is allowed.
fn may_queue(count: u64) -> bool {
    let mut limit = libc::rlimit {
        rlim_cur: 0,
        rlim_max: 0,
    };
    // SAFETY: `limit` lives across the call.
    unsafe { libc::getrlimit(libc::RLIMIT_SIGPENDING, &raw mut limit) };
    limit.rlim_cur = limit.rlim_max;
    // SAFETY: `limit` lives across the call.
    unsafe { libc::setrlimit(libc::RLIMIT_SIGPENDING, &raw const limit) };
    limit.rlim_cur >= count
}

fn many_come_while_they_are_sent() {
    let kind = SignalKind::real_time(0);
    each_flavour(&[kind], |runtime| {
        let sender = thread::spawn(move || send(kind, 0..20_000));
        let seen = runtime.block_on(async {
            let mut stream = signal(kind).unwrap();
            runtime::spawn(async move { values(&mut stream, 20_000).await })
                .await
                .unwrap()
        });
        assert!(seen.into_iter().eq(0..20_000), "out of order");
        sender.join().unwrap();
    });
}

fn it_is_told_who_has_sent_it() {
    let kind = SignalKind::user_defined2();
    each_flavour(&[kind], |runtime| {
        runtime.block_on(async {
            let mut stream = signal(kind).unwrap();
            sigqueue(me(), kind, -7).unwrap();
            let SigInfo {
                signo,
                code,
                pid,
                uid,
                value,
                ..
            } = stream.recv().await.unwrap();
            // SAFETY: the call takes nothing.
            let user = unsafe { libc::getuid() };
            let expected = (libc::SIGUSR2, libc::SI_QUEUE, me(), user, -7);
            assert_eq!((signo, code, pid, uid, value), expected);
            tests::process::signal(me(), libc::SIGUSR2);
            let info = stream.recv().await.unwrap();
            assert_eq!((info.code, info.pid, info.value), (libc::SI_USER, me(), 0));
            assert_eq!(info.kind(), kind);
        });
    });
}

fn standard_ones_are_one() {
    let kind = SignalKind::user_defined1();
    each_flavour(&[kind], |runtime| {
        runtime.block_on(async {
            let (mut first, mut second) = (signal(kind).unwrap(), signal(kind).unwrap());
            send(kind, 0..3);
            // The kernel keeps the first of them.
            assert_eq!(first.recv().await.unwrap().value, 0);
            assert!(nothing_is_left(&mut first));
            // And so does a stream that is not read.
            send(kind, 3..4);
            assert_eq!(first.recv().await.unwrap().value, 3);
            assert_eq!(second.recv().await.unwrap().value, 0);
            assert!(nothing_is_left(&mut second));
        });
    });
}

fn each_stream_sees_each() {
    let kinds = [SignalKind::real_time(1), SignalKind::user_defined1()];
    each_flavour(&kinds, |runtime| {
        runtime.block_on(async {
            let streams = [(); 4].map(|()| signal(kinds[0]).unwrap());
            // One that nobody reads holds up none of the others.
            let mut idle = signal(kinds[0]).unwrap();
            let tasks = streams
                .map(|mut stream| runtime::spawn(async move { values(&mut stream, 1000).await }));
            // Another kind is another matter.
            let mut other = signal(kinds[1]).unwrap();
            send(kinds[0], 0..500);
            runtime::task::yield_now().await;
            send(kinds[0], 500..1000);
            for task in tasks {
                assert!(task.await.unwrap().into_iter().eq(0..1000));
            }
            assert!(nothing_is_left(&mut other));
            assert!(values(&mut idle, 1000).await.into_iter().eq(0..1000));
        });
    });
}

/// It holds up the other streams of its kind, and what they do not see yet waits in the kernel, which
/// has a limit of its own.
fn a_stream_that_is_not_read_is_bounded() {
    const LIMIT: u64 = 500;
    let limit = libc::rlimit {
        rlim_cur: LIMIT,
        rlim_max: LIMIT,
    };
    // SAFETY: `limit` lives across the call.
    unsafe { libc::setrlimit(libc::RLIMIT_SIGPENDING, &raw const limit) };
    let kind = SignalKind::real_time(2);
    each_flavour(&[kind], |runtime| {
        runtime.block_on(async {
            let (mut read, mut unread) = (signal(kind).unwrap(), signal(kind).unwrap());
            let (mut sent, mut seen) = (0, Vec::new());
            // More than a mailbox holds; others may queue signals of this user's too.
            while sent < 1024 + 100 || seen.len() < 1024 {
                if sent < 1024 + 100 && sigqueue(me(), kind, sent).is_ok() {
                    sent += 1;
                }
                seen.extend(at_once(&mut read).await.map(|info| info.value));
            }
            assert_eq!(seen.len(), 1024);
            // And now as many as the kernel takes.
            while sigqueue(me(), kind, sent).is_ok() {
                sent += 1;
            }
            assert!(sent <= 1024 + LIMIT as i32, "{sent}");
            assert!(at_once(&mut read).await.is_none());
            // Who waits behind the full mailbox is woken when one is taken out of it.
            let waits = runtime::spawn(async move {
                let next = read.recv().await.unwrap().value;
                (read, next)
            });
            yield_now().await;
            assert_eq!(unread.recv().await.unwrap().value, 0);
            let (mut read, next) = waits.await.unwrap();
            seen.push(next);
            // Neither has lost any, nor has one overtaken another.
            let rest = 1..sent;
            let mut other = Vec::new();
            while other.len() < rest.len() {
                other.extend(at_once(&mut unread).await.map(|info| info.value));
                seen.extend(at_once(&mut read).await.map(|info| info.value));
            }
            assert!(other.into_iter().eq(rest) && seen.into_iter().eq(0..sent));

            // And one that goes holds up nobody.
            send(kind, 0..400);
            drop(unread);
            assert!(values(&mut read, 400).await.into_iter().eq(0..400));
        });
    });
}

async fn at_once(stream: &mut Signal) -> Option<SigInfo> {
    // With a fresh budget: a task that has used it up sees nothing.
    yield_now().await;
    let mut context = Context::from_waker(Waker::noop());
    match stream.poll_recv(&mut context) {
        Poll::Ready(info) => info,
        Poll::Pending => None,
    }
}

fn main_keeps_what_it_is_told() {
    #[runtime::main(signals = [SignalKind::hangup(), SignalKind::real_time(4)])]
    async fn several() -> i32 {
        sees(SignalKind::real_time(4)).await
    }
    #[runtime::main(single, signals = [SignalKind::hangup()])]
    async fn alone() -> i32 {
        sees(SignalKind::hangup()).await
    }
    #[runtime::main(workers = 1, signals = [libc::SIGUSR1])]
    async fn by_number() -> i32 {
        sees(SignalKind::user_defined1()).await
    }
    async fn sees(kind: SignalKind) -> i32 {
        let mut stream = signal(kind).unwrap();
        sigqueue(me(), kind, 7).unwrap();
        stream.recv().await.unwrap().value
    }
    assert_eq!((several(), alone(), by_number()), (7, 7, 7));
}

fn a_child_gets_no_descriptor_of_a_stream() {
    let inherited = || {
        let mut command = std::process::Command::new("ls");
        command.arg("/proc/self/fd").output().unwrap().stdout
    };
    let before = (fd::all_open(), inherited());
    each_flavour(&[SignalKind::hangup(), SignalKind::alarm()], |runtime| {
        runtime.block_on(async {
            let opened = fd::all_open();
            let streams = [SignalKind::hangup(), SignalKind::alarm()].map(|it| signal(it).unwrap());
            assert_eq!(fd::all_open().len(), opened.len() + 2);
            assert_eq!(inherited(), before.1);
            drop(streams);
            assert_eq!(fd::all_open(), opened);
        });
    });
    assert_eq!(fd::all_open(), before.0);
}

fn streams_of_two_runtimes() {
    let kind = SignalKind::real_time(2);
    let runtimes = [(); 2].map(|()| Builder::new_multi_thread().signals([kind]).build().unwrap());
    let readers = runtimes.each_ref().map(|runtime| {
        let mut stream = runtime.block_on(async { signal(kind).unwrap() });
        runtime.spawn(async move { values(&mut stream, 2000).await })
    });
    send(kind, 0..2000);
    let [first, second] = runtimes;
    for (runtime, reader) in [&first, &second].into_iter().zip(readers) {
        assert!(runtime.block_on(reader).unwrap().into_iter().eq(0..2000));
    }
    // What one gives back the other still needs.
    drop(second);
    first.block_on(async {
        let mut stream = signal(kind).unwrap();
        sigqueue(me(), kind, 1).unwrap();
        assert_eq!(stream.recv().await.unwrap().value, 1);
    });
}

fn all_sleep_and_one_is_woken() {
    let kind = SignalKind::user_defined1();
    each_flavour(&[kind], |runtime| {
        let mut stream = runtime.block_on(async { signal(kind).unwrap() });
        let reader = runtime.spawn(async move { stream.recv().await.unwrap().value });
        thread::scope(|scope| {
            let waiting = scope.spawn(|| runtime.block_on(reader).unwrap());
            until_all_others_sleep();
            sigqueue(me(), kind, 5).unwrap();
            assert_eq!(waiting.join().unwrap(), 5);
        });
    });
}

/// Waits until every thread but this one sleeps.
fn until_all_others_sleep() {
    let sleeps = |stat: &str| stat.rsplit_once(") ").unwrap().1.starts_with('S');
    let awake = || {
        let threads = fs::read_dir("/proc/self/task").unwrap().flatten();
        let stats = threads.filter_map(|it| fs::read_to_string(it.path().join("stat")).ok());
        stats.filter(|stat| !sleeps(stat)).count()
    };
    // This one looks, and is the only one that runs.
    while awake() > 1 {
        thread::yield_now();
    }
}

fn what_nobody_took_waits() {
    let kind = SignalKind::real_time(5);
    each_flavour(&[kind], |runtime| {
        // Before there is any stream, and after one was dropped.
        send(kind, 0..1);
        runtime.block_on(async {
            let mut stream = signal(kind).unwrap();
            assert_eq!(stream.recv().await.unwrap().value, 0);
            drop(stream);
            send(kind, 1..3);
            let mut stream = signal(kind).unwrap();
            assert_eq!(values(&mut stream, 2).await, [1, 2]);
        });
    });
}

/// A stream for each signal: none takes with it what it has read and not shown.
fn what_was_read_ahead_waits_for_the_next_stream() {
    let hello = SignalKind::real_time(1);
    each_flavour(&[hello], |runtime| {
        runtime.block_on(async {
            send(hello, 0..40);
            for value in 0..20 {
                let mut stream = signal(hello).unwrap();
                assert_eq!(values(&mut stream, 1).await, [value]);
            }
            // What one of two has shown is not shown again when the other goes.
            let (mut one, other) = (signal(hello).unwrap(), signal(hello).unwrap());
            assert_eq!(values(&mut one, 10).await, (20..30).collect::<Vec<_>>());
            drop(one);
            drop(other);
            let mut last = signal(hello).unwrap();
            assert_eq!(values(&mut last, 10).await, (30..40).collect::<Vec<_>>());
        });
    });
}

/// A waker may own anything, another stream too.
fn a_released_stream_drops_its_waker_in_peace() {
    struct Owner {
        _stream: Signal,
    }
    impl Wake for Owner {
        fn wake(self: Arc<Self>) {}
    }
    let [one, other] = [SignalKind::user_defined1(), SignalKind::user_defined2()];
    each_flavour(&[one, other], |runtime| {
        runtime.block_on(async {
            let mut stream = signal(one).unwrap();
            let _stream = signal(other).unwrap();
            let waker = Waker::from(Arc::new(Owner { _stream }));
            let waits = stream.poll_recv(&mut Context::from_waker(&waker));
            assert!(waits.is_pending());
            drop(waker);
            stream.release().unwrap();
        });
    });
}

fn a_dropped_wait_loses_nothing() {
    let kind = SignalKind::real_time(0);
    each_flavour(&[kind], |runtime| {
        runtime.block_on(async {
            let mut stream = signal(kind).unwrap();
            everywhere(async |place| {
                // Once it waits, or was dropped.
                let sending = async { send(kind, 8..9) };
                let (cut_off, ()) = runtime::join!(biased; cut(place, Signal::recv, |recv| recv(&mut stream)), sending);
                if let Some(info) = cut_off {
                    assert_eq!(info.unwrap().value, 8);
                    return false;
                }
                assert_eq!(stream.recv().await.unwrap().value, 8);
                true
            })
            .await;
            let mut next = async || poll_fn(|it| std::pin::pin!(&mut stream).poll_next(it)).await;
            send(kind, 4..5);
            assert_eq!(next().await.unwrap().value, 4);
        });
    });
}

fn a_dropped_call_loses_nothing() {
    let kinds = [SignalKind::interrupt(), SignalKind::terminate()];
    each_flavour(&kinds, |runtime| {
        runtime.block_on(async {
            everywhere(async |place| {
                let sending = async { send(kinds[0], 0..1) };
                let (cut_off, ()) =
                    runtime::join!(biased; cut(place, ctrl_c, |wait| wait()), sending);
                if let Some(result) = cut_off {
                    result.unwrap();
                    return false;
                }
                ctrl_c().await.unwrap();
                true
            })
            .await;
            everywhere(async |place| {
                let sending = async { send(kinds[1], 0..1) };
                let waiting = cut(place, end_requested, |wait| wait());
                let (cut_off, ()) = runtime::join!(biased; waiting, sending);
                let was_cut_off = cut_off.is_none();
                let end = match cut_off {
                    Some(end) => end,
                    None => end_requested().await,
                };
                assert_eq!(end.unwrap(), kinds[1]);
                was_cut_off
            })
            .await;
        });
    });
}

fn the_end_of_the_runtime_is_told() {
    let kind = SignalKind::hangup();
    let (mut builder, mut other) = (Builder::new_multi_thread(), Builder::new_current_thread());
    let runtime = builder.signals([kind]).build().unwrap();
    let other = other.signals([kind]).build().unwrap();
    let mut stream = runtime.block_on(async { signal(kind).unwrap() });
    drop(runtime);
    other.block_on(async {
        assert!(stream.recv().await.is_none());
        assert!(matches!(
            poll_fn(|context| Poll::Ready(stream.poll_recv(context))).await,
            Poll::Ready(None)
        ));
    });
}

fn outside_of_a_runtime() {
    let kind = SignalKind::hangup();
    let runtime = Builder::new_current_thread()
        .signals([kind])
        .build()
        .unwrap();
    let said = signal(kind).unwrap_err().to_string();
    assert!(said.contains("outside of a runtime"), "{said}");
    assert!(said.contains(file!()), "{said}");
    drop(runtime);
}
