//! Waiting for several futures in one task: `join!`, `try_join!`, `select!`, and `pin!`.
//!
//! The futures stay where the macro stands, pinned, in a tuple; each poll goes over them. No task is
//! started and nothing is allocated.
//!
//! The danger is a branch that is always ready and is looked at first: the others would never be.
//! So the order begins at another branch each time, by chance in `select!` and in turn in the joins,
//! unless `biased;` stands in front: then it is as written, which is quicker, and yours to mind.
//!
//! Macros know branches as tokens, so each gets its number from a list as it is read: `@read` takes
//! one after the other off the front, and what it has collected becomes the code at the end.

use std::cell::Cell;
use std::future::Future;
use std::hash::{BuildHasher, RandomState};
use std::pin::Pin;
use std::task::{Context, Poll};

/// Pins a variable to where it stands, so that its future can be awaited by reference.
///
/// # Examples
///
/// ```
/// runtime::block_on(async {
///     let future = async { 1 };
///     runtime::pin!(future);
///     assert_eq!((&mut future).await, 1);
/// });
/// ```
#[macro_export]
macro_rules! pin {
    ($($name:ident),* $(,)?) => {$(
        let mut $name = ::core::pin::pin!($name);
    )*};
    ($(let $name:ident = $value:expr;)*) => {$(
        let mut $name = ::core::pin::pin!($value);
    )*};
}

/// Waits until all futures are ready, and gives their outputs as a tuple.
///
/// The futures run in turn, in this task: for more than one core, start tasks. `biased;` in front
/// polls them in the order in which they are written, each time.
///
/// # Examples
///
/// ```
/// runtime::block_on(async {
///     let (one, two) = runtime::join!(async { 1 }, async { 2 });
///     assert_eq!(one + two, 3);
/// });
/// ```
#[macro_export]
macro_rules! join {
    (@read $turn:tt [$($read:tt)*] [$index:tt $($more:tt)*] $future:expr $(, $($rest:tt)*)?) => {
        $crate::join!(@read $turn [$($read)* ($index $future)] [$($more)*] $($($rest)*)?)
    };
    (@read $turn:tt [$(($index:tt $future:expr))*] $unused:tt) => {{
        const COUNT: usize = <[usize]>::len(&[$($index),*]);
        let mut pinned = ($(::core::pin::pin!(::core::future::IntoFuture::into_future($future)),)*);
        let mut joined = ($($crate::macros::Joined::new(pinned.$index.as_mut()),)*);
        let mut start = 0;
        let output = ::core::future::poll_fn(|context| {
            let mut is_done = true;
            for step in start..start + COUNT {
                match $crate::macros::wrapped(step, COUNT) {
                    $($index => is_done &= joined.$index.poll(context),)*
                    _ => {}
                }
            }
            start = $crate::macros::wrapped(start + $turn, COUNT);
            match is_done {
                true => ::core::task::Poll::Ready(($(joined.$index.take(),)*)),
                false => ::core::task::Poll::Pending,
            }
        });
        output.await
    }};
    (@read $turn:tt $read:tt [] $($rest:tt)+) => {
        ::core::compile_error!("join! takes 16 futures at most: give it groups, each in a `join!` of \
            its own inside of an `async` block, or use a task::JoinSet")
    };
    (biased; $($future:expr),+ $(,)?) => {
        $crate::join!(@read 0 [] [0 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15] $($future),+)
    };
    ($($future:expr),+ $(,)?) => {
        $crate::join!(@read 1 [] [0 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15] $($future),+)
    };
    ($(biased;)?) => { () };
}

/// Waits until all futures are ready with `Ok`, or one with `Err`: then the others are dropped.
///
/// `biased;` in front polls them in the order in which they are written, each time.
///
/// # Examples
///
/// ```
/// runtime::block_on(async {
///     let good = runtime::try_join!(async { Ok::<_, &str>(1) }, async { Ok(2) });
///     assert_eq!(good, Ok((1, 2)));
///     let never = std::future::pending::<Result<(), &str>>();
///     let bad = runtime::try_join!(never, async { Err::<(), _>("no") });
///     assert_eq!(bad, Err("no"));
/// });
/// ```
#[macro_export]
macro_rules! try_join {
    (@read $turn:tt [$($read:tt)*] [$index:tt $($more:tt)*] $future:expr $(, $($rest:tt)*)?) => {
        $crate::try_join!(@read $turn [$($read)* ($index $future)] [$($more)*] $($($rest)*)?)
    };
    (@read $turn:tt [$(($index:tt $future:expr))*] $unused:tt) => {{
        const COUNT: usize = <[usize]>::len(&[$($index),*]);
        let mut pinned = ($(::core::pin::pin!(::core::future::IntoFuture::into_future($future)),)*);
        let mut joined = ($($crate::macros::Joined::new(pinned.$index.as_mut()),)*);
        let mut start = 0;
        let output = ::core::future::poll_fn(|context| {
            let mut is_done = true;
            for step in start..start + COUNT {
                match $crate::macros::wrapped(step, COUNT) {
                    $($index => match $crate::macros::try_poll(&mut joined.$index, context) {
                        ::core::result::Result::Ok(is_ready) => is_done &= is_ready,
                        ::core::result::Result::Err(error) => {
                            return ::core::task::Poll::Ready(::core::result::Result::Err(error));
                        }
                    },)*
                    _ => {}
                }
            }
            start = $crate::macros::wrapped(start + $turn, COUNT);
            match is_done {
                true => ::core::task::Poll::Ready(::core::result::Result::Ok(
                    ($($crate::macros::take_ok(&mut joined.$index),)*),
                )),
                false => ::core::task::Poll::Pending,
            }
        });
        output.await
    }};
    (@read $turn:tt $read:tt [] $($rest:tt)+) => {
        ::core::compile_error!("try_join! takes 16 futures at most: give it groups, each in a `try_join!` of \
            its own inside of an `async` block, or use a task::JoinSet")
    };
    (biased; $($future:expr),+ $(,)?) => {
        $crate::try_join!(@read 0 [] [0 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15] $($future),+)
    };
    ($($future:expr),+ $(,)?) => {
        $crate::try_join!(@read 1 [] [0 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15] $($future),+)
    };
}

/// Waits for the first of several futures, and drops the others.
///
/// A branch is `pattern = future => handler`, or `pattern = future, if condition => handler`; up to
/// sixteen, and `else => handler` at the end. A branch whose condition is false is not polled. One
/// whose output does not fit its pattern is out, and the others are waited for; `else` is for when
/// all are out.
///
/// The branches are polled in a random order, each time another one, so of those that are ready all have
/// the same chance. `biased;` in front polls them as written.
///
/// # Panics
///
/// If all branches are out and there is no `else`.
///
/// # Cancel safety
///
/// The futures that are not first are dropped where they stand; what that loses is said at each. To
/// keep one for the next round of a loop, pin it outside and give `&mut future`.
///
/// # Examples
///
/// ```
/// use runtime::sync::mpsc;
/// use runtime::time::{Duration, sleep};
///
/// runtime::block_on(async {
///     let (sender, mut receiver) = mpsc::channel(1);
///     runtime::spawn(async move { sender.send(5).await });
///     let received = runtime::select! {
///         Some(number) = receiver.recv() => number,
///         () = sleep(Duration::from_secs(60)) => panic!("a minute has passed"),
///         else => panic!("the senders have gone"),
///     };
///     assert_eq!(received, 5);
/// });
/// ```
#[macro_export]
macro_rules! select {
    (@read $start:tt $read:tt $more:tt else => $else:expr $(,)?) => {
        $crate::select!(@make $start $read { $else })
    };
    (@read $start:tt $read:tt $more:tt) => {
        $crate::select!(@make $start $read {
            ::core::panic!("select!: no branch is left, and there is no `else`: add one")
        })
    };
    // With a condition.
    (@read $start:tt [$($read:tt)*] [$next:tt $($more:tt)*]
        $pattern:pat = $future:expr, if $condition:expr => $handler:block, $($rest:tt)*) => {
        $crate::select!(@read $start
            [$($read)* ($next ($pattern) ($future) ($condition) ($handler))] [$($more)*] $($rest)*)
    };
    (@read $start:tt [$($read:tt)*] [$next:tt $($more:tt)*]
        $pattern:pat = $future:expr, if $condition:expr => $handler:block $($rest:tt)*) => {
        $crate::select!(@read $start
            [$($read)* ($next ($pattern) ($future) ($condition) ($handler))] [$($more)*] $($rest)*)
    };
    (@read $start:tt [$($read:tt)*] [$next:tt $($more:tt)*]
        $pattern:pat = $future:expr, if $condition:expr => $handler:expr $(, $($rest:tt)*)?) => {
        $crate::select!(@read $start
            [$($read)* ($next ($pattern) ($future) ($condition) ($handler))] [$($more)*]
            $($($rest)*)?)
    };
    // Without one.
    (@read $start:tt [$($read:tt)*] [$next:tt $($more:tt)*]
        $pattern:pat = $future:expr => $handler:block, $($rest:tt)*) => {
        $crate::select!(@read $start
            [$($read)* ($next ($pattern) ($future) (true) ($handler))] [$($more)*] $($rest)*)
    };
    (@read $start:tt [$($read:tt)*] [$next:tt $($more:tt)*]
        $pattern:pat = $future:expr => $handler:block $($rest:tt)*) => {
        $crate::select!(@read $start
            [$($read)* ($next ($pattern) ($future) (true) ($handler))] [$($more)*] $($rest)*)
    };
    (@read $start:tt [$($read:tt)*] [$next:tt $($more:tt)*]
        $pattern:pat = $future:expr => $handler:expr $(, $($rest:tt)*)?) => {
        $crate::select!(@read $start
            [$($read)* ($next ($pattern) ($future) (true) ($handler))] [$($more)*] $($($rest)*)?)
    };
    // What is left is a mistake.
    (@read $start:tt $read:tt [] $($rest:tt)+) => {
        ::core::compile_error!("select! takes 16 branches at most: put some into a `select!` of their \
            own, inside of an `async` block that is one branch, or use a task::JoinSet")
    };
    (@read $start:tt $read:tt $more:tt $($rest:tt)+) => {
        ::core::compile_error!("select!: a branch is `PATTERN = FUTURE => HANDLER`, or \
            `PATTERN = FUTURE, if CONDITION => HANDLER`, with a comma behind a handler that is no \
            block; `else => HANDLER` comes last")
    };
    (@make $start:tt [] $else:tt) => { $crate::select!() };
    (@make $start:tt
        [$((($index:tt $name:ident) ($pattern:pat) ($future:expr) ($condition:expr)
            ($handler:expr)))+]
        { $else:expr }
    ) => {{
        // The only name that can be seen from the handlers.
        #[allow(non_camel_case_types)]
        enum __Selected<$($name),+> {
            $($name($name),)+
            None,
        }
        let selected = {
            const COUNT: usize = <[usize]>::len(&[$($index),+]);
            let mut is_out = [$(!$condition),+];
            let mut futures =
                ($(::core::pin::pin!(::core::future::IntoFuture::into_future($future)),)+);
            let selected = ::core::future::poll_fn(|context| {
                let mut is_waiting = false;
                for index in $crate::select!(@order $start COUNT) {
                    match index {
                        $($index => {
                            if is_out[$index] {
                                continue;
                            }
                            let future = futures.$index.as_mut();
                            let ::core::task::Poll::Ready(output) =
                                ::core::future::Future::poll(future, context)
                            else {
                                is_waiting = true;
                                continue;
                            };
                            is_out[$index] = true;
                            // What a pattern binds is moved when its guard says yes, and none does.
                            let mut fits = false;
                            #[allow(unused_variables, unused_mut, unreachable_patterns)]
                            match output {
                                $pattern if { fits = true; false } => ::core::unreachable!(),
                                _ => {}
                            }
                            if !fits {
                                continue;
                            }
                            #[allow(unreachable_code)] // an output of type `!`
                            return ::core::task::Poll::Ready(__Selected::$name(output));
                        })+
                        _ => {}
                    }
                }
                match is_waiting {
                    true => ::core::task::Poll::Pending,
                    false => ::core::task::Poll::Ready(__Selected::None),
                }
            });
            selected.await
        };
        match selected {
            $(__Selected::$name(output) => {
                #[allow(unreachable_patterns)]
                match output {
                    $pattern => $handler,
                    _ => ::core::unreachable!("its pattern was seen to fit"),
                }
            })+
            __Selected::None => $else,
        }
    }};
    (@order biased $count:ident) => { 0..$count };
    (@order fair $count:ident) => { $crate::macros::Shuffled::new($count) };
    ($(biased;)?) => {
        ::core::compile_error!("select! waits for at least one branch: `PATTERN = FUTURE => HANDLER`")
    };
    (biased; $($branches:tt)+) => {
        $crate::select!(@read biased []
            [(0 A) (1 B) (2 C) (3 D) (4 E) (5 F) (6 G) (7 H) (8 I) (9 J) (10 K) (11 L) (12 M) (13 N)
             (14 O) (15 P)]
            $($branches)+)
    };
    ($($branches:tt)+) => {
        $crate::select!(@read fair []
            [(0 A) (1 B) (2 C) (3 D) (4 E) (5 F) (6 G) (7 H) (8 I) (9 J) (10 K) (11 L) (12 M) (13 N)
             (14 O) (15 P)]
            $($branches)+)
    };
}

/// One future of a join, then its output.
#[doc(hidden)]
#[derive(Debug)]
pub struct Joined<'a, F: Future> {
    future: Pin<&'a mut F>,
    output: Option<F::Output>,
}

impl<'a, F: Future> Joined<'a, F> {
    /// One that is not ready.
    pub fn new(future: Pin<&'a mut F>) -> Self {
        let output = None;
        Self { future, output }
    }

    /// Polls it, unless it is ready. True if it is.
    pub fn poll(&mut self, context: &mut Context<'_>) -> bool {
        if self.output.is_none() {
            if let Poll::Ready(output) = self.future.as_mut().poll(context) {
                self.output = Some(output);
            }
        }
        self.output.is_some()
    }

    /// The output of one that is ready.
    pub fn take(&mut self) -> F::Output {
        self.output.take().expect(READY)
    }
}

/// As `poll`, but for an error, which comes out at once. (A function, as of a method the compiler would
/// only say that there is none.)
#[doc(hidden)]
pub fn try_poll<F: Future<Output: Fallible>>(
    joined: &mut Joined<'_, F>,
    context: &mut Context<'_>,
) -> Result<bool, <F::Output as Fallible>::Error> {
    let is_ready = joined.poll(context);
    if let Some(output) = joined.output.take() {
        let value = output.into_result()?;
        joined.output = Some(Fallible::from_value(value));
    }
    Ok(is_ready)
}

/// The output of one that is ready and no error.
#[doc(hidden)]
pub fn take_ok<F: Future<Output: Fallible>>(
    joined: &mut Joined<'_, F>,
) -> <F::Output as Fallible>::Value {
    joined.take().into_result().ok().expect(READY)
}

/// `Result`; a trait of its own so that another output gets a message of its own.
#[doc(hidden)]
#[diagnostic::on_unimplemented(
    message = "`try_join!` waits for futures that give a `Result`, and one gives `{Self}`",
    note = "give it an `Ok` in an `async` block of its own, or use `join!` and look at the outputs"
)]
pub trait Fallible: Sized {
    /// What it has if it is no error.
    type Value;
    /// What it has if it is one.
    type Error;

    /// The one or the other.
    fn into_result(self) -> Result<Self::Value, Self::Error>;

    /// It, without an error.
    fn from_value(value: Self::Value) -> Self;
}

impl<T, E> Fallible for Result<T, E> {
    type Value = T;
    type Error = E;

    fn into_result(self) -> Self {
        self
    }

    fn from_value(value: T) -> Self {
        Ok(value)
    }
}

const READY: &str = "outputs are taken when all are ready, and errors come out before";

/// Sixteen numbers at most, each once, in a random order.
///
/// All orders are equally likely: if it went round from a random one on, the share of a branch that is
/// not ready would go to its right neighbour, and to nobody else.
#[doc(hidden)]
#[derive(Debug)]
pub struct Shuffled {
    /// A bit for each that is left.
    left: u16,
}

impl Shuffled {
    #[inline]
    pub fn new(count: usize) -> Self {
        Self {
            left: u16::MAX >> (16 - count),
        }
    }
}

impl Iterator for Shuffled {
    type Item = usize;

    #[inline]
    fn next(&mut self) -> Option<usize> {
        let skipped = match self.left.count_ones() as usize {
            0 => return None,
            1 => 0,
            several => random_below(several),
        };
        let rest = (0..skipped).fold(self.left, |left, _| left & (left - 1));
        let next = rest.trailing_zeros();
        self.left &= !(1 << next);
        Some(next as usize)
    }
}

/// A number below `count`, another one each time, for fairness and for nothing else.
fn random_below(count: usize) -> usize {
    // Three shifts, by Marsaglia: quick, and never zero.
    let number = NUMBERS.try_with(|numbers| {
        let mut number = numbers.get();
        number ^= number << 13;
        number ^= number >> 17;
        number ^= number << 5;
        numbers.set(number);
        number
    });
    wrapped(number.unwrap_or(0) as usize, count)
}

/// Round and round among `count`, of which there is one at least.
#[doc(hidden)]
pub fn wrapped(step: usize, count: usize) -> usize {
    step % count
}

thread_local! {
    static NUMBERS: Cell<u32> = Cell::new(seed());
}

/// From what std keeps hash tables apart with.
#[allow(clippy::cast_possible_truncation)]
fn seed() -> u32 {
    RandomState::new().hash_one(0) as u32 | 1
}
