//! Reads what the attributes need to know of a function and of their options.
//!
//! There is no grammar here: a function is some tokens before its name, its name,
//! some tokens after it, and a body. All of them are kept as they came.
//!
//! **The danger** is to misread what one did not think of and to turn a correct
//! function into a puzzling error. **It is met** by looking only at tokens whose
//! meaning is certain: attributes and visibility come first, only certain words
//! may stand before `fn`, the body comes last. All else is left to the compiler.

use proc_macro::{Delimiter, Group, Ident, Span, TokenStream, TokenTree};

use crate::Purpose;

/// Something the user can mend, and where.
pub(crate) struct Problem {
    pub(crate) span: Span,
    pub(crate) message: String,
}

/// The kind of runtime that was asked for.
pub(crate) enum Flavour {
    Default,
    /// A `LocalRuntime`.
    Single,
    /// A `Runtime` without workers.
    CurrentThread,
    /// A `Runtime` with workers: as many as the tokens say.
    Workers(Option<TokenStream>),
    /// Of one thread, with a clock that stands still.
    Paused,
}

/// What the options ask for.
pub(crate) struct Options {
    pub(crate) flavour: Flavour,
    /// The signals that the runtime is to keep: a list in brackets, as the user wrote it.
    pub(crate) signals: Option<Group>,
}

/// A function, split at its name and before its body.
pub(crate) struct Function {
    /// Attributes and visibility.
    pub(crate) before: TokenStream,
    /// `async` and its like, up to `fn`.
    qualifiers: Vec<TokenTree>,
    pub(crate) fn_span: Span,
    pub(crate) name: Ident,
    /// Arguments and return type.
    pub(crate) after_name: TokenStream,
    pub(crate) body: Group,
}

impl Options {
    /// Reads the attribute's options; where they are wrong, the default stands in.
    pub(crate) fn parse(purpose: Purpose, options: TokenStream) -> (Self, Vec<Problem>) {
        let mut read = Options {
            flavour: Flavour::Default,
            signals: None,
        };
        let mut problems = Vec::new();
        let mut seen = Vec::new();
        let tokens: Vec<TokenTree> = options.into_iter().collect();
        for option in tokens.split(|token| is_punctuation(token, ',')) {
            let Some((word, value)) = option.split_first() else {
                continue;
            };
            let name = word.to_string();
            let result = if seen.contains(&name) {
                let message = format!("option `{name}` is given twice: remove this one");
                Err(problem(word, message))
            } else {
                read.add(purpose, word, value)
            };
            if let Err(problem) = result {
                read.flavour = Flavour::Default;
                problems.push(problem);
            }
            seen.push(name);
        }
        (read, problems)
    }

    fn add(
        &mut self,
        purpose: Purpose,
        word: &TokenTree,
        value: &[TokenTree],
    ) -> Result<(), Problem> {
        if is_word(word, "signals") {
            self.signals = Some(read_signals(purpose, word, value)?);
        } else {
            let asked = read_option(purpose, word, value)?;
            self.flavour = self.flavour.joined_with(asked, word)?;
        }
        Ok(())
    }
}

/// The list of signals, in brackets. What is in it is the compiler's business.
fn read_signals(purpose: Purpose, word: &TokenTree, value: &[TokenTree]) -> Result<Group, Problem> {
    if purpose == Purpose::Test {
        return Err(problem(
            word,
            "a test cannot keep signals: the threads of the test harness would get them. Test them \
             in a binary with `harness = false`, whose `main` is #[runtime::main(signals = [..])]"
                .to_owned(),
        ));
    }
    match value {
        [equals, TokenTree::Group(list)]
            if is_punctuation(equals, '=') && list.delimiter() == Delimiter::Bracket =>
        {
            Ok(list.clone())
        }
        _ => Err(problem(
            word,
            "say which, in brackets: #[runtime::main(signals = [SignalKind::terminate()])]"
                .to_owned(),
        )),
    }
}

impl Flavour {
    /// What two options ask for together.
    fn joined_with(&self, asked: Flavour, word: &TokenTree) -> Result<Flavour, Problem> {
        match (self, asked) {
            (Flavour::Default, asked) => Ok(asked),
            // Of those with one thread the narrower one is taken.
            (Flavour::Single | Flavour::CurrentThread, Flavour::Paused)
            | (Flavour::Paused, Flavour::Single | Flavour::CurrentThread) => Ok(Flavour::Paused),
            (Flavour::Single, Flavour::CurrentThread)
            | (Flavour::CurrentThread, Flavour::Single) => Ok(Flavour::Single),
            (Flavour::Workers(None), Flavour::Workers(count)) => Ok(Flavour::Workers(count)),
            (Flavour::Workers(count), Flavour::Workers(None)) => {
                Ok(Flavour::Workers(count.clone()))
            }
            (Flavour::Paused, _) | (_, Flavour::Paused) => Err(problem(
                word,
                "worker threads would each see another time, so only the clock of a runtime without \
                 them stands still: remove one of the options"
                    .to_owned(),
            )),
            _ => Err(problem(
                word,
                "this runtime would have workers and have none: remove one of the options"
                    .to_owned(),
            )),
        }
    }
}

fn read_option(
    purpose: Purpose,
    word: &TokenTree,
    value: &[TokenTree],
) -> Result<Flavour, Problem> {
    let attribute = purpose.name();
    let assigned = match value {
        [equals, value] if is_punctuation(equals, '=') => Some(value),
        _ => None,
    };
    match (word.to_string().as_str(), value.first(), assigned) {
        ("single", None, _) => Ok(Flavour::Single),
        ("start_paused", None, _) if purpose == Purpose::Test => Ok(Flavour::Paused),
        ("start_paused", Some(value), assigned) if purpose == Purpose::Test => match assigned {
            Some(yes) if is_word(yes, "true") => Ok(Flavour::Paused),
            _ => Err(problem(
                value,
                format!("a clock stands still with #[runtime::{attribute}(start_paused)]"),
            )),
        },
        ("single", Some(value), _) => Err(problem(
            value,
            format!("`single` has no value: write #[runtime::{attribute}(single)]"),
        )),
        ("workers" | "worker_threads", _, Some(count)) => {
            Ok(Flavour::Workers(Some(count.clone().into())))
        }
        ("workers" | "worker_threads", ..) => Err(problem(
            word,
            format!("say how many: #[runtime::{attribute}({word} = 4)]"),
        )),
        ("flavor", _, Some(name)) => match name.to_string().as_str() {
            "\"multi_thread\"" => Ok(Flavour::Workers(None)),
            "\"current_thread\"" => Ok(Flavour::CurrentThread),
            _ => Err(problem(name, flavors(attribute))),
        },
        ("flavor", ..) => Err(problem(word, flavors(attribute))),
        (name, ..) => Err(problem(
            word,
            format!(
                "unknown option `{name}`: #[runtime::{attribute}] knows {}, `workers = N` and \
                 `flavor = \"..\"`",
                purpose.options()
            ),
        )),
    }
}

fn flavors(attribute: &str) -> String {
    format!(
        "the flavors are #[runtime::{attribute}(flavor = \"multi_thread\")] and \
         #[runtime::{attribute}(flavor = \"current_thread\")]"
    )
}

impl Function {
    /// Splits an item, if it is a function with a body.
    pub(crate) fn split(purpose: Purpose, item: TokenStream) -> Result<Self, Problem> {
        let attribute = purpose.name();
        let mut tokens: Vec<TokenTree> = item.into_iter().collect();
        let start = start_of_item(&tokens);
        let qualifier_count = tokens[start..]
            .iter()
            .take_while(|token| is_qualifier(token))
            .count();
        let fn_at = start + qualifier_count;
        let (Some(fn_token), Some(TokenTree::Ident(name))) = (
            tokens.get(fn_at).filter(|token| is_word(token, "fn")),
            tokens.get(fn_at + 1),
        ) else {
            let message = format!(
                "#[runtime::{attribute}] goes on an `async fn`, and this is not a function"
            );
            return Err(match tokens.get(start) {
                Some(token) => problem(token, message),
                None => Problem {
                    span: Span::call_site(),
                    message,
                },
            });
        };
        let (fn_span, name) = (fn_token.span(), name.clone());
        let Some(body) = take_body(&mut tokens) else {
            let message = format!("#[runtime::{attribute}] runs this function, so it needs a body");
            return Err(Problem {
                span: name.span(),
                message,
            });
        };
        let after_name = tokens.drain(fn_at + 2..).collect();
        let qualifiers = tokens.drain(start..).take(qualifier_count).collect();
        let before = tokens.into_iter().collect();
        Ok(Self {
            before,
            qualifiers,
            fn_span,
            name,
            after_name,
            body,
        })
    }

    /// Why the function cannot be called without knowing anything, and awaited.
    pub(crate) fn misfits(&self, purpose: Purpose) -> Vec<Problem> {
        let attribute = purpose.name();
        let name = &self.name;
        let mut problems = Vec::new();
        if !self.qualifiers.iter().any(|word| is_word(word, "async")) {
            let message =
                format!("#[runtime::{attribute}] runs an `async fn`: write `async fn {name}`");
            problems.push(Problem {
                span: self.fn_span,
                message,
            });
        }
        if let Some(word) = self.qualifiers.iter().find(|word| !is_word(word, "async")) {
            let message =
                format!("#[runtime::{attribute}] takes a plain `async fn`: remove `{word}`");
            problems.push(problem(word, message));
        }
        match self.after_name.clone().into_iter().next() {
            Some(TokenTree::Group(arguments)) if !arguments.stream().is_empty() => {
                let message = match purpose {
                    Purpose::Main => {
                        "nobody calls `main` with arguments: remove them \
                         (`std::env::args()` has those of the command line)"
                    }
                    Purpose::Test => "nobody calls a test with arguments: remove them",
                };
                problems.push(Problem {
                    span: arguments.span(),
                    message: message.to_owned(),
                });
            }
            Some(token) if is_punctuation(&token, '<') => {
                let message =
                    format!("nobody chooses the type parameters of `{name}`: remove them");
                problems.push(problem(&token, message));
            }
            _ => {}
        }
        problems
    }

    /// The function as it was written, but for attributes and visibility.
    pub(crate) fn inner(&self) -> TokenStream {
        let mut tokens: TokenStream = self.qualifiers.iter().cloned().collect();
        tokens.extend([
            TokenTree::from(Ident::new("fn", self.fn_span)),
            self.name.clone().into(),
        ]);
        tokens.extend(self.after_name.clone());
        tokens.extend([TokenTree::from(self.body.clone())]);
        tokens
    }
}

/// Where attributes and visibility end.
fn start_of_item(tokens: &[TokenTree]) -> usize {
    let mut start = 0;
    while let [hash, TokenTree::Group(_), ..] = &tokens[start..] {
        if !is_punctuation(hash, '#') {
            break;
        }
        start += 2;
    }
    match &tokens[start..] {
        [word, TokenTree::Group(_), ..] if is_word(word, "pub") => start + 2,
        [word, ..] if is_word(word, "pub") => start + 1,
        [TokenTree::Group(visibility), ..] if visibility.delimiter() == Delimiter::None => {
            start + 1
        }
        _ => start,
    }
}

/// Takes the body off the end; one that a `macro_rules` passed on is wrapped once more.
fn take_body(tokens: &mut Vec<TokenTree>) -> Option<Group> {
    let Some(TokenTree::Group(last)) = tokens.last() else {
        return None;
    };
    let body = match last.delimiter() {
        Delimiter::Brace => last.clone(),
        Delimiter::None => match last.stream().into_iter().next() {
            Some(TokenTree::Group(body)) if body.delimiter() == Delimiter::Brace => body,
            _ => return None,
        },
        _ => return None,
    };
    tokens.pop();
    Some(body)
}

fn is_qualifier(token: &TokenTree) -> bool {
    let is_name_of_abi = matches!(token, TokenTree::Literal(_));
    is_name_of_abi || QUALIFIERS.iter().any(|word| is_word(token, word))
}

fn is_word(token: &TokenTree, word: &str) -> bool {
    matches!(token, TokenTree::Ident(ident) if ident.to_string() == word)
}

fn is_punctuation(token: &TokenTree, character: char) -> bool {
    matches!(token, TokenTree::Punct(mark) if mark.as_char() == character)
}

fn problem(token: &TokenTree, message: String) -> Problem {
    Problem {
        span: token.span(),
        message,
    }
}

/// The words that may stand before `fn`.
const QUALIFIERS: [&str; 5] = ["const", "async", "gen", "unsafe", "extern"];
