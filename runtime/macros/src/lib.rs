//! `#[runtime::main]` and `#[runtime::test]`: an `async fn` that the system, or
//! the test harness, can call.
//!
//! The runtime crate re-exports both, and users name them only by that path. There
//! is what they are told of them, as only there a link can lead to a `Builder`.
//!
//! **The danger:** an attribute stands between a user and the compiler. Code that
//! it takes apart and puts together again gets errors in places nobody wrote,
//! types that cannot be inferred, and names that mean something else.
//!
//! **How it is met:** the user's function is not taken apart. It goes, token by
//! token, with its own spans, into a function of the same name:
//!
//! ```text
//! fn main() -> R {
//!     async fn main() -> R { .. }         // what the user wrote
//!     let runtime = match ::runtime::Builder::new_multi_thread().build() { .. };
//!     runtime.block_on(main())
//! }
//! ```
//!
//! So the compiler checks the body against the return type in the one place where
//! both were written, and `?`, `return`, `-> !` and `-> impl Trait` mean what they
//! mean in any `async fn`. (An `async` block would have no return type to check
//! against.) The inner function has the outer one's name because any other could
//! hide one of the user's; locals are hidden by hygiene. Attributes stay on the
//! outer function, from which lint levels reach the inner one.
//!
//! What is wrong is told at the token that is wrong, and the rest is still
//! expanded, so that one mistake is one error.

mod parse;

use proc_macro::{Delimiter, Group, Ident, Span, TokenStream, TokenTree};

use parse::{Flavour, Function, Options, Problem};

#[allow(missing_docs)] // where it is re-exported
#[proc_macro_attribute]
pub fn main(options: TokenStream, item: TokenStream) -> TokenStream {
    expand(Purpose::Main, options, item)
}

#[allow(missing_docs)] // where it is re-exported
#[proc_macro_attribute]
pub fn test(options: TokenStream, item: TokenStream) -> TokenStream {
    expand(Purpose::Test, options, item)
}

/// Which of the two attributes is at work.
#[derive(Clone, Copy, PartialEq)]
enum Purpose {
    Main,
    Test,
}

impl Purpose {
    /// The attribute's name, as messages have it.
    fn name(self) -> &'static str {
        match self {
            Purpose::Main => "main",
            Purpose::Test => "test",
        }
    }

    /// The options that there are, as messages have it.
    fn options(self) -> &'static str {
        match self {
            Purpose::Main => "`single`, `signals = [..]`",
            Purpose::Test => "`single` and `start_paused`",
        }
    }

    /// What makes the runtime, in three parts: a builder, what it is told of signals, and how it is
    /// ended, which makes it an expression of type `Result`.
    fn constructor(self, options: &Options) -> TokenStream {
        let (builder, build) = match (&options.flavour, self) {
            (Flavour::Single, _) => (ALONE.to_owned(), ".build_local()"),
            (Flavour::Paused, _) => (format!("{ALONE}.start_paused(true)"), ".build_local()"),
            (Flavour::Workers(None), _) | (Flavour::Default, Purpose::Main) => {
                (SEVERAL.to_owned(), ".build()")
            }
            (Flavour::CurrentThread, _) | (Flavour::Default, Purpose::Test) => {
                (ALONE.to_owned(), ".build()")
            }
            (Flavour::Workers(Some(count)), _) => {
                (format!("{SEVERAL}.worker_threads({count})"), ".build()")
            }
        };
        let mut constructor = generated(&builder);
        if let Some(signals) = &options.signals {
            constructor.extend(generated(".signals"));
            // As the user wrote it, so that errors in it are told where they are.
            let list = TokenStream::from(TokenTree::from(signals.clone()));
            constructor.extend([TokenTree::from(Group::new(Delimiter::Parenthesis, list))]);
        }
        constructor.extend(generated(build));
        constructor
    }
}

const ALONE: &str = "::runtime::Builder::new_current_thread()";
const SEVERAL: &str = "::runtime::Builder::new_multi_thread()";

fn expand(purpose: Purpose, options: TokenStream, item: TokenStream) -> TokenStream {
    let (options, mut problems) = Options::parse(purpose, options);
    let function = match Function::split(purpose, item.clone()) {
        Ok(function) => function,
        Err(problem) => {
            problems.push(problem);
            return report(problems).chain(item).collect();
        }
    };
    let misfits = function.misfits(purpose);
    let replacement = if misfits.is_empty() {
        running_function(purpose, &options, function)
    } else {
        idle_function(purpose, function)
    };
    problems.extend(misfits);
    report(problems).chain(replacement).collect()
}

/// The function that starts a runtime and runs the user's function on it.
fn running_function(purpose: Purpose, options: &Options, function: Function) -> TokenStream {
    let name = purpose.name();
    let mut start = generated("let runtime = match");
    start.extend(purpose.constructor(options));
    start.extend(generated(&format!(
        "{{
            ::core::result::Result::Ok(runtime) => runtime,
            ::core::result::Result::Err(error) => ::std::panic!(
                \"runtime::{name}: cannot start the runtime: {{}}\", error
            ),
        }};
        runtime.block_on"
    )));
    let call = [
        TokenTree::from(function.name.clone()),
        Group::new(Delimiter::Parenthesis, TokenStream::new()).into(),
    ];
    let call = Group::new(Delimiter::Parenthesis, call.into_iter().collect());
    let mut content = function.inner();
    content.extend(start);
    content.extend([TokenTree::from(call)]);
    outer_function(purpose, &function, function.after_name.clone(), content)
}

/// Stands in for a function that cannot be run: it is checked by the compiler, so
/// that its names are in use and its own errors are seen, but not called.
fn idle_function(purpose: Purpose, function: Function) -> TokenStream {
    let mut content = generated("#[allow(dead_code)]");
    content.extend(function.inner());
    outer_function(purpose, &function, generated("()"), content)
}

/// The function that others call, with the attributes and the visibility that the user wrote.
fn outer_function(
    purpose: Purpose,
    function: &Function,
    after_name: TokenStream,
    content: TokenStream,
) -> TokenStream {
    let mut body = Group::new(Delimiter::Brace, content);
    body.set_span(function.body.span());
    let mut output = match purpose {
        Purpose::Main => TokenStream::new(),
        Purpose::Test => generated("#[::core::prelude::v1::test]"),
    };
    output.extend(function.before.clone());
    output.extend([
        TokenTree::from(Ident::new("fn", function.fn_span)),
        function.name.clone().into(),
    ]);
    output.extend(after_name);
    output.extend([TokenTree::from(body)]);
    output
}

/// Each problem as an error of the compiler's at its place.
fn report(problems: Vec<Problem>) -> impl Iterator<Item = TokenTree> {
    problems.into_iter().flat_map(|problem| {
        let source = format!("::core::compile_error! {{ {:?} }}", problem.message);
        with_span(parsed(&source), problem.span)
    })
}

/// Tokens of this crate's own, whose locals the user's code cannot see.
fn generated(source: &str) -> TokenStream {
    with_span(parsed(source), Span::mixed_site())
}

fn parsed(source: &str) -> TokenStream {
    source.parse().expect("what this crate generates is Rust")
}

fn with_span(tokens: TokenStream, span: Span) -> TokenStream {
    let respanned = tokens.into_iter().map(|mut token| {
        if let TokenTree::Group(group) = &token {
            let inside = with_span(group.stream(), span);
            token = Group::new(group.delimiter(), inside).into();
        }
        token.set_span(span);
        token
    });
    respanned.collect()
}
