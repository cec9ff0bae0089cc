//! Changes without an end: settings that are read again, and a new server in the place of a running one.
//!
//! While servers take over from each other, clients come at a thousand a second, and each is to be
//! greeted. That this says something is shown by servers that share the port instead
//! (`SO_REUSEPORT`): there some are cut off, as they wait in the queue of the one that goes.

use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::os::fd::AsFd;
use std::os::linux::net::SocketAddrExt;
use std::os::unix::net::{SocketAddr, UnixListener, UnixStream};
use std::path::Path;
use std::process::Stdio;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread;

use net::io::AsyncReadExt;
use net::{TcpListener, TcpSocket, TcpStream};
use runtime::time::{Duration, interval};
use tests::event::until;
use tests::fd;
use tests::flavours::flavours_within;
use tests::place::Place;
use tests::process::{Running, signal};
use tests::server::Server;
use tests::skip;

use crate::client::Client;
use crate::{chat, command, start};

const RESTARTS: usize = 50;
/// Between two restarts so many come at least.
const VISITS: usize = 20;
/// What comes in the fifth of a second.
const MOST_AT_ONCE: usize = 200;

/// What has become of those who came.
#[derive(Debug, Default)]
struct Visits {
    begun: AtomicUsize,
    greeted: AtomicUsize,
    turned_down: AtomicUsize,
    is_over: AtomicBool,
}

impl Visits {
    /// Lets one come each millisecond, but not many at once: on a machine that is busy they would come
    /// faster than they go, each is told of all others, and that would be a test of crowds.
    async fn come(self: Arc<Self>, to: std::net::SocketAddr) {
        let mut pace = interval(Duration::from_millis(1));
        let mut visits = Vec::new();
        while !self.is_over.load(Ordering::Relaxed) {
            pace.tick().await;
            if self.are_there() >= MOST_AT_ONCE {
                continue;
            }
            let this = self.clone();
            self.begun.fetch_add(1, Ordering::Relaxed);
            visits.push(runtime::spawn(async move {
                match visit(to).await {
                    Ok(true) => this.greeted.fetch_add(1, Ordering::Relaxed),
                    // An end without a greeting is no better than a reset.
                    Ok(false) | Err(_) => this.turned_down.fetch_add(1, Ordering::Relaxed),
                };
            }));
        }
        for visit in visits {
            visit.await.unwrap();
        }
    }

    fn are_there(&self) -> usize {
        let gone = Self::count(&self.greeted) + Self::count(&self.turned_down);
        Self::count(&self.begun).saturating_sub(gone)
    }

    /// So many now.
    fn count(of: &AtomicUsize) -> usize {
        of.load(Ordering::Relaxed)
    }
}

/// Comes, is greeted, and goes; whether it was greeted, and the rest came whole.
async fn visit(to: std::net::SocketAddr) -> std::io::Result<bool> {
    let stream = TcpStream::connect(to).await?;
    let mut heard = vec![0; 1024];
    let greeting = stream.read(&mut heard).await?;
    stream.shutdown(std::net::Shutdown::Write)?;
    while stream.read(&mut heard).await? > 0 {}
    Ok(greeting > 0)
}

#[test]
fn while_servers_take_over_from_each_other_nobody_is_refused_and_nobody_is_reset() {
    chat(|flavour| {
        let place = Place::new();
        let path = place.file("handover");
        let arguments = ["--clients", "10000", "--handover", path.to_str().unwrap()];
        let mut server = start(flavour, &arguments);
        let (address, visits) = (server.address(), Arc::new(Visits::default()));
        let coming = {
            let visits = visits.clone();
            thread::spawn(move || runtime::block_on(visits.come(address)))
        };
        for _ in 0..RESTARTS {
            let before = Visits::count(&visits.greeted);
            until(|| Visits::count(&visits.greeted) >= before + VISITS);
            let next = start(flavour, &arguments);
            assert_eq!(next.address(), address);
            let mut former = std::mem::replace(&mut server, next);
            assert_eq!(former.process().0.wait().unwrap().code(), Some(0));
        }
        visits.is_over.store(true, Ordering::Relaxed);
        coming.join().unwrap();
        println!("{flavour}: {visits:?}");
        assert_eq!(Visits::count(&visits.turned_down), 0, "{visits:?}");
    });
}

#[test]
fn with_a_port_that_is_shared_instead_some_are_cut_off() {
    let migrates = fs::read_to_string("/proc/sys/net/ipv4/tcp_migrate_req");
    if migrates.is_ok_and(|value| value.trim() != "0") {
        return skip("a shared port", "this kernel hands queues over by itself");
    }
    flavours_within(Duration::from_secs(60), |flavour| {
        let visits = Arc::new(Visits::default());
        flavour.block_on(share_the_port(visits.clone()));
        println!("{flavour}: {visits:?}");
        assert!(Visits::count(&visits.turned_down) > 0, "{visits:?}");
    });
}

/// As many restarts, each as well-behaved as can be: the new server is there before the former one
/// stops, and that one closes its socket when it has stopped to accept.
async fn share_the_port(visits: Arc<Visits>) {
    let mut listener = shared("127.0.0.1:0".parse().unwrap());
    let address = listener.local_addr().unwrap();
    let mut greeting = runtime::spawn(greet(listener.clone()));
    let coming = runtime::spawn(visits.clone().come(address));
    for _ in 0..RESTARTS {
        let next = shared(address);
        let next_greeting = runtime::spawn(greet(next.clone()));
        greeting.abort();
        let _ = greeting.await;
        let before = Visits::count(&visits.begun);
        while Visits::count(&visits.begun) < before + VISITS {
            runtime::task::yield_now().await;
        }
        (listener, greeting) = (next, next_greeting);
    }
    visits.is_over.store(true, Ordering::Relaxed);
    coming.await.unwrap();
    greeting.abort();
    drop(listener);
}

fn shared(address: std::net::SocketAddr) -> Arc<TcpListener> {
    let socket = TcpSocket::new_v4().unwrap();
    socket.set_reuseport(true).unwrap();
    socket.bind(address).unwrap();
    Arc::new(socket.listen(1024).unwrap())
}

async fn greet(listener: Arc<TcpListener>) {
    let mut incoming = listener.incoming();
    loop {
        let (stream, _) = incoming.accept().await.unwrap();
        runtime::spawn(async move {
            stream.write_all(b"* welcome\n").await?;
            while stream.read(&mut [0; 100]).await? > 0 {}
            std::io::Result::Ok(())
        });
    }
}

#[test]
fn both_doors_are_handed_over_and_who_is_inside_is_told_goodbye() {
    chat(|flavour| {
        let place = Place::new();
        let (door, handover) = (place.file("door"), place.file("handover"));
        let arguments = ["--unix", door.to_str().unwrap()];
        let taking = ["--handover", handover.to_str().unwrap()];
        let arguments = [arguments, taking].concat();
        let mut former = start(flavour, &arguments);
        let mut ann = Client::named(&former, "ann");
        // Somebody who asks and then goes changes nothing.
        drop(UnixStream::connect(&handover).unwrap());
        ann.say_and_see("still here");
        let mut bob = Client::named(&former, "bob");
        bob.say("/join attic");
        bob.say_and_see("up here");

        let mut next = start(flavour, &taking);
        assert!(next.first_line().contains(door.to_str().unwrap()));
        assert!(ann.until("going down").contains("goodbye"));
        drop((ann, bob));
        assert_eq!(former.process().0.wait().unwrap().code(), Some(0));
        let mut bob = Client::local(&door);
        bob.until("you are in lobby");
        assert_eq!(bob.line(), "<ann> still here");
        bob.say("/join attic");
        assert_eq!(bob.line(), "* you are in attic, with 0 others");
        assert_eq!(bob.line(), "<bob> up here");
        Client::named(&next, "ann").say_and_see("hello");

        signal(next.pid(), libc::SIGTERM);
        assert_eq!(next.process().0.wait().unwrap().code(), Some(0));
        assert!(!door.exists() && !handover.exists());
        assert_eq!(fs::read_dir(place.path()).unwrap().count(), 0);
    });
}

#[test]
fn a_door_that_was_given_is_handed_on_and_its_file_is_left_where_it_is() {
    chat(|flavour| {
        let place = Place::new();
        let (door, handover) = (place.file("door"), place.file("handover"));
        let taking = ["--handover", handover.to_str().unwrap()];
        let name = format!("chat test {}", door.display());
        let name = SocketAddr::from_abstract_name(name).unwrap();
        for unix in [UnixListener::bind(&door), UnixListener::bind_addr(&name)] {
            let tcp = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
            let at = unix.as_ref().unwrap().local_addr().unwrap();
            let sockets = [tcp.into(), unix.unwrap().into()];
            let mut former = Server::start_with(&command(flavour, &taking), sockets);
            let mut next = start(flavour, &taking);
            assert_eq!(former.process().0.wait().unwrap().code(), Some(0));
            let mut greeting = [0; 9];
            let mut client = UnixStream::connect_addr(&at).unwrap();
            client.read_exact(&mut greeting).unwrap();
            assert_eq!(&greeting, b"* welcome");
            drop(client);
            signal(next.pid(), libc::SIGTERM);
            assert_eq!(next.process().0.wait().unwrap().code(), Some(0));
            assert!(door.exists() && !handover.exists());
        }
    });
}

/// The path means something else there.
#[test]
fn the_file_of_a_door_is_the_same_in_whatever_folder_the_next_server_is_started() {
    chat(|flavour| {
        let (place, other) = (Place::new(), Place::new());
        let handover = place.file("handover");
        let taking = ["--handover", handover.to_str().unwrap()];
        let mut command_here = command(flavour, &taking);
        command_here
            .args(["--unix", "door"])
            .current_dir(place.path());
        let mut former = Server::start(&mut command_here);
        fs::write(other.file("door"), "dear all").unwrap();
        let mut next = Server::start(command(flavour, &taking).current_dir(other.path()));
        assert_eq!(former.process().0.wait().unwrap().code(), Some(0));
        signal(next.pid(), libc::SIGTERM);
        assert_eq!(next.process().0.wait().unwrap().code(), Some(0));
        assert_eq!(fs::read(other.file("door")).unwrap(), b"dear all");
        assert_eq!(fs::read_dir(place.path()).unwrap().count(), 0);
    });
}

#[test]
fn of_two_that_begin_at_once_one_opens_the_doors_and_the_other_takes_them_over() {
    chat(|flavour| {
        for _ in 0..10 {
            let place = Place::new();
            let path = place.file("handover");
            let both = [(); 2].map(|()| {
                let path = path.to_str().unwrap().to_owned();
                thread::spawn(move || start(flavour, &["--handover", &path]))
            });
            let mut both = both.map(|it| it.join().unwrap());
            assert_eq!(both[0].address(), both[1].address());
            let has_ended = |it: &mut Server| it.process().0.try_wait().unwrap().is_some();
            until(|| both.iter_mut().any(has_ended));
            let former = both.iter_mut().position(has_ended).unwrap();
            let [former, next] = match (former, both) {
                (0, both) => both,
                (_, [next, former]) => [former, next],
            };
            drop(former);
            Client::named(&next, "ann").say_and_see("hello");
            // The place is still there for a third.
            assert_eq!(
                start(flavour, &["--handover", path.to_str().unwrap()]).address(),
                next.address()
            );
        }
    });
}

#[test]
fn those_who_ask_and_say_nothing_more_keep_no_server_from_taking_over() {
    chat(|flavour| {
        let place = Place::new();
        let (door, handover) = (place.file("door"), place.file("handover"));
        let taking = ["--handover", handover.to_str().unwrap()];
        let opening = ["--unix", door.to_str().unwrap()];
        let mut former = start(flavour, &[opening, taking].concat());
        let mute: Vec<_> = (0..4)
            .map(|_| UnixStream::connect(&handover).unwrap())
            .collect();
        let next = start(flavour, &taking);
        assert_eq!(former.process().0.wait().unwrap().code(), Some(0));
        // One who speaks only now is not told that it has them.
        for mut asking in mute {
            let _ = asking.write_all(b"taken\n");
            let mut told = Vec::new();
            let _ = asking.read_to_end(&mut told);
            assert!(told.is_empty() || told.starts_with(b"doors\n"), "{told:?}");
            assert!(!told.ends_with(b"yours\n"), "{told:?}");
        }
        Client::named(&next, "ann").say_and_see("hello");
        Client::local(&door).until("you are in lobby");
    });
}

/// This test is the former server, which gives the doors, or does not, and then dies.
#[test]
fn a_server_whose_former_one_dies_opens_doors_of_its_own() {
    chat(|flavour| {
        for gives in [true, false] {
            let place = Place::new();
            let path = place.file("handover");
            let former = UnixListener::bind(&path).unwrap();
            let next = {
                let path = path.to_str().unwrap().to_owned();
                thread::spawn(move || start(flavour, &["--handover", &path]))
            };
            let door = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
            let given = door.local_addr().unwrap();
            if gives {
                let (mut asking, _) = former.accept().unwrap();
                fd::send_with_descriptor(&asking, b"doors\n", door.as_fd());
                asking.read_exact(&mut [0; 6]).unwrap();
            } else {
                // It is still in the queue.
                until(|| fd::is_readable(&former));
            }
            drop((former, door));
            let mut next = next.join().unwrap();
            assert_ne!(next.address(), given);
            Client::named(&next, "ann").say_and_see("hello");
            signal(next.pid(), libc::SIGTERM);
            assert_eq!(next.process().0.wait().unwrap().code(), Some(0));
            assert_eq!(fs::read_dir(place.path()).unwrap().count(), 0);
        }
    });
}

/// This test is the former server, and says nothing.
#[test]
fn who_waits_for_a_former_server_can_be_told_to_end() {
    chat(|flavour| {
        let place = Place::new();
        let path = place.file("handover");
        let former = UnixListener::bind(&path).unwrap();
        let mut next = command(flavour, &["--handover", path.to_str().unwrap()]);
        let mut next = Running(next.spawn().unwrap());
        until(|| fd::is_readable(&former));
        signal(next.0.id(), libc::SIGTERM);
        assert_eq!(next.0.wait().unwrap().code(), Some(0));
    });
}

/// This test takes over, and stops where the doors are its own and the place is still the former's.
#[test]
fn who_asks_while_another_one_takes_over_asks_that_one() {
    chat(|flavour| {
        let place = Place::new();
        let (path, hidden) = (place.file("handover"), place.file("hidden"));
        let arguments = ["--handover", path.to_str().unwrap()];
        let mut former = start(flavour, &arguments);
        let address = former.address();
        let mut ann = Client::named(&former, "ann");
        ann.say_and_see("hello");
        let (taking, door) = runtime::block_on(async {
            let taking = net::UnixStream::connect(&path).await.unwrap();
            let (count, mut fds) = taking.recv_with_fds(&mut [0; 6], 2).await.unwrap();
            assert_eq!((count, fds.len()), (6, 1));
            taking.write_all(b"taken\n").await.unwrap();
            let mut told = String::new();
            (&taking).read_to_string(&mut told).await.unwrap();
            assert_eq!(told, "yours\n#lobby\n<ann> hello\n");
            (taking.into_std(), fds.remove(0))
        });

        // The port is in use: it has to come by it here.
        let mut command = command(flavour, &arguments);
        let third = thread::spawn(move || Server::start_on(&mut command, &address.to_string()));
        until(|| waits_in_queue(&path));
        let listener = UnixListener::bind(&hidden).unwrap();
        fs::rename(&hidden, &path).unwrap();
        drop(taking);
        let (mut asking, _) = listener.accept().unwrap();
        fd::send_with_descriptor(&asking, b"doors\n", door.as_fd());
        asking.read_exact(&mut [0; 6]).unwrap();
        asking.write_all(b"yours\n").unwrap();
        drop(asking);
        let third = third.join().unwrap();
        assert_eq!(third.address(), address);
        drop(ann);
        assert_eq!(former.process().0.wait().unwrap().code(), Some(0));
        Client::named(&third, "bob").say_and_see("hello");
    });
}

/// Whether somebody has connected to a unix socket and is not accepted yet. Its name is the one that it
/// was made under, before it came to the path: the kernel does not learn of that.
fn waits_in_queue(path: &Path) -> bool {
    let sockets = fs::read_to_string("/proc/net/unix").unwrap();
    let is_such = |line: &str| {
        let fields: Vec<_> = line.split_whitespace().collect();
        let name = fields.get(7).unwrap_or(&"");
        fields[5] == "02" && name.starts_with(path.to_str().unwrap())
    };
    sockets.lines().any(is_such)
}

#[test]
fn a_file_that_is_no_socket_is_left_alone() {
    chat(|flavour| {
        let place = Place::new();
        let path = place.file("letter");
        fs::write(&path, "dear all").unwrap();
        let mut command = command(flavour, &["--handover", path.to_str().unwrap()]);
        let output = command.args(["--addr", "127.0.0.1:0"]).output().unwrap();
        assert_eq!(output.status.code(), Some(1));
        let said = String::from_utf8(output.stderr).unwrap();
        assert!(said.contains("letter: that is no socket"), "{said}");
        assert_eq!(fs::read_to_string(&path).unwrap(), "dear all");
    });
}

#[test]
fn settings_are_read_again_when_asked_to_and_a_mistake_in_them_changes_nothing() {
    chat(|flavour| {
        let place = Place::new();
        let path = place.file("config");
        fs::write(&path, "# few\nclients 1\n").unwrap();
        let mut command = command(flavour, &["--config", path.to_str().unwrap()]);
        let mut server = Server::start(command.stderr(Stdio::piped()));
        let mut ann = Client::named(&server, "ann");
        let full = "* all places are taken: come again later";
        assert_eq!(Client::new(&server).line(), full);

        fs::write(&path, "clients 2\npolicy whatever\n").unwrap();
        signal(server.pid(), libc::SIGHUP);
        let stderr = server.process().0.stderr.take().unwrap();
        let mut complaints = BufReader::new(stderr).lines();
        let told = complaints.next().unwrap().unwrap();
        assert!(
            told.contains("line 2") && told.contains("whatever"),
            "{told}"
        );
        assert_eq!(Client::new(&server).line(), full);

        fs::write(&path, "clients 2\n").unwrap();
        signal(server.pid(), libc::SIGHUP);
        until(|| Client::new(&server).line().starts_with("* welcome"));
        ann.say_and_see("nobody was disturbed");

        // Nor does one that comes while it ends end it in another way.
        fs::write(&path, "clients some\n").unwrap();
        signal(server.pid(), libc::SIGTERM);
        ann.until("going down");
        signal(server.pid(), libc::SIGHUP);
        assert!(complaints.next().unwrap().unwrap().contains("some"));
        drop(ann);
        assert_eq!(server.process().0.wait().unwrap().code(), Some(0));
    });
}
