//! Every path in the middle columns of `docs/porting.md` is there: each stands here too, where the
//! compiler looks at it, and the two lists are compared.
//!
//! The danger is a table that outlives what it tells of. (Methods are not in it.)

use std::collections::BTreeSet;

use crate::root;

/// Imports each path, and keeps it as text.
macro_rules! paths {
    ($([$($path:tt)*])*) => {
        const PATHS: &[&str] = &[$(stringify!($($path)*)),*];
        $(const _: () = {
            #[allow(unused_imports)]
            use $($path)*;
        };)*
    };
}

paths! {
    [runtime::main]
    [runtime::test]
    [runtime::Runtime]
    [runtime::LocalRuntime]
    [runtime::Builder]
    [runtime::Handle]
    [runtime::EnterGuard]
    [runtime::TryCurrentError]
    [runtime::Metrics]
    [runtime::shutdown::{Grace, Report}]
    [runtime::block_on]
    [runtime::spawn]
    [runtime::task::spawn]
    [runtime::task::{spawn_local, spawn_blocking, block_in_place, yield_now}]
    [runtime::task::{JoinHandle, AbortHandle, JoinError, Id}]
    [runtime::task::JoinSet]
    [runtime::task::Builder]
    [runtime::task::{LocalKey, TaskLocalFuture}]
    [runtime::task_local]
    [runtime::task::{consume_budget, unconstrained}]
    [runtime::task::coop::{cooperative, has_budget_remaining}]
    [runtime::task::{TaskTracker, AbortOnDropHandle}]
    [runtime::task::{scope, scope_with}]
    [runtime::sync::mpsc::{channel, Sender, Receiver, WeakSender}]
    [runtime::sync::mpsc::{Permit, OwnedPermit, PermitIterator}]
    [runtime::sync::mpsc::{unbounded_channel, UnboundedSender, UnboundedReceiver, WeakUnboundedSender}]
    [runtime::sync::mpsc::error::{SendError, TrySendError, SendTimeoutError, TryRecvError}]
    [runtime::sync::oneshot::{channel, Sender, Receiver}]
    [runtime::sync::broadcast::{channel, Sender, WeakSender, Receiver}]
    [runtime::sync::watch::{channel, Sender, Receiver, Ref}]
    [runtime::sync::{Mutex, MutexGuard, OwnedMutexGuard, MappedMutexGuard}]
    [runtime::sync::{RwLock, RwLockReadGuard, RwLockWriteGuard, RwLockMappedWriteGuard}]
    [runtime::sync::{OwnedRwLockReadGuard, OwnedRwLockWriteGuard}]
    [runtime::sync::{Semaphore, SemaphorePermit, OwnedSemaphorePermit}]
    [runtime::sync::{AcquireError, TryAcquireError, TryLockError}]
    [runtime::sync::{Notify, Notified, OwnedNotified}]
    [runtime::sync::{Barrier, BarrierWaitResult}]
    [runtime::sync::{OnceCell, SetError}]
    [runtime::sync::watch]
    [runtime::sync::{CancellationToken, DropGuard}]
    [runtime::time::{sleep, sleep_until, Sleep}]
    [runtime::time::{timeout, timeout_at, Timeout, Elapsed}]
    [runtime::time::{interval, interval_at, Interval, MissedTickBehavior}]
    [runtime::time::{Instant, Duration}]
    [runtime::time::{pause, resume, advance}]
    [runtime::time::{DelayQueue, Expired, Key}]
    [net::{TcpListener, TcpStream, TcpSocket}]
    [net::tcp::{ReadHalf, WriteHalf, OwnedReadHalf, OwnedWriteHalf, ReuniteError}]
    [net::UdpSocket]
    [net::{UnixListener, UnixStream, UnixDatagram}]
    [net::unix::{UCred, SocketAddr}]
    [net::pipe::{pipe, OpenOptions, Sender, Receiver}]
    [net::{lookup_host, ToSocketAddrs}]
    [runtime::io::{AsyncFd, Interest}]
    [net::io::{AsyncRead, AsyncWrite, AsyncBufRead}]
    [net::io::{AsyncReadExt, AsyncWriteExt, AsyncBufReadExt}]
    [net::io::{BufReader, BufWriter, Lines}]
    [net::io::{copy, copy_bidirectional, duplex, DuplexStream}]
    [net::io::{Chain, Take}]
    [net::stdio::{stdin, stdout, stderr}]
    [net::codec::{Framed, LinesCodec, LengthDelimitedCodec}]
    [net::codec::{Decoder, Encoder}]
    [net::io::Buffer]
    [net::signal::ctrl_c]
    [net::signal::{signal, Signal, SignalKind}]
    [net::signal::end_requested]
    [runtime::select]
    [runtime::join]
    [runtime::try_join]
    [runtime::pin]
}

#[test]
fn the_port_table_names_what_is_there() {
    let text = std::fs::read_to_string(root().join("docs/porting.md")).unwrap();
    let mut named = BTreeSet::new();
    for row in text.lines().filter(|line| line.starts_with("| ")) {
        // Of the three columns between the bars the middle one is ours.
        let cells: Vec<&str> = row.split('|').collect();
        if cells.len() == 5 {
            let quoted = cells[2].split('`').skip(1).step_by(2);
            named.extend(quoted.map(without_spaces));
        }
    }
    let compiled: BTreeSet<String> = PATHS.iter().map(|path| without_spaces(path)).collect();
    assert!(named.len() > 50, "the table has changed its shape");
    let missing: Vec<_> = named.symmetric_difference(&compiled).collect();
    assert!(
        missing.is_empty(),
        "not both in the table and above: {missing:?}"
    );
}

fn without_spaces(path: &str) -> String {
    path.split_whitespace().collect()
}
