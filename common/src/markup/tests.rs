#[cfg(target_arch = "wasm32")]
use wasm_bindgen_test::wasm_bindgen_test as test;

use super::*;

/// Renders the tree in one line: `<b>`, `<i>`, `<s>`, `<c>` for code, `<a address>`, `<@>`,
/// `<pre language>`, `<q>`, `<-` or `<1.` for an item; blocks are separated by `|`.
fn render(text: &str) -> String {
    let names = ["지은", "민수", "Jieun", "김 민수", "a*b"];
    let known = |after: &str| names.iter().map(|name| mention_len(after, name)).max().unwrap_or(0);
    render_blocks(&parse(text, &known))
}

fn render_blocks(blocks: &[Block]) -> String {
    let render_one = |block: &Block| match block {
        Block::Text(spans) => render_spans(spans),
        Block::Code { language, text } => format!("<pre {language}>{text}</>"),
        Block::Quote(inner) => format!("<q>{}</>", render_blocks(inner)),
        Block::List(items) => items.iter().map(render_item).collect(),
    };
    blocks.iter().map(render_one).collect::<Vec<_>>().join("|")
}

fn render_item(item: &ListItem) -> String {
    let marker = item.number.map_or("-".to_owned(), |number| format!("{number}."));
    format!("<{marker}>{}{}</>", render_spans(&item.text), render_blocks(&item.children))
}

fn render_spans(spans: &[Span]) -> String {
    let render_one = |span: &Span| match span {
        Span::Text(text) => text.clone(),
        Span::Code(text) => format!("<c>{text}</>"),
        Span::Mention(name) => format!("<@>{name}</>"),
        Span::Link { text, address, host } => {
            let address = if text == address { String::new() } else { format!(" {address}") };
            let host = host.as_ref().map_or(String::new(), |host| format!(" ({host})"));
            format!("<a{address}>{text}{host}</>")
        }
        Span::Styled(Style::Strong, inner) => format!("<b>{}</>", render_spans(inner)),
        Span::Styled(Style::Emphasis, inner) => format!("<i>{}</>", render_spans(inner)),
        Span::Styled(Style::Strike, inner) => format!("<s>{}</>", render_spans(inner)),
    };
    spans.iter().map(render_one).collect()
}

fn check(cases: &[(&str, &str)]) {
    for (text, expected) in cases {
        assert_eq!(render(text), *expected, "{text:?}");
    }
}

fn check_unchanged(texts: &[&str]) {
    for text in texts {
        assert_eq!(render(text), *text);
    }
}

#[test]
fn delimiters_style_the_words_between_them() {
    check(&[
        ("*굵게*", "<b>굵게</>"),
        ("**bold** _it_ ~no~ ~~no~~", "<b>bold</> <i>it</> <s>no</> <s>no</>"),
        ("*굵게*는 _기울임_이고 ~취소~였다", "<b>굵게</>는 <i>기울임</>이고 <s>취소</>였다"),
        ("(*b*), \"*c*\"!", "(<b>b</>), \"<b>c</>\"!"),
        ("***both***", "<b><i>both</></>"),
        ("**bold *in* bold**", "<b>bold <b>in</> bold</>"),
        ("**_both_**", "<b><i>both</></>"),
        ("*a _b ~c~ d_ e*", "<b>a <i>b <s>c</> d</> e</>"),
        ("*a *b*", "*a <b>b</>"),
        ("*a _b* c_", "<b>a _b</> c_"),
        ("*one*\n*two*", "<b>one</>\n<b>two</>"),
        ("*😀*", "<b>😀</>"),
        ("오늘은**중요**합니다", "오늘은<b>중요</>합니다"),
        ("이것이**정말 중요한**일이고", "이것이<b>정말 중요한</>일이고"),
        ("今日は**重要**です、这里**很重要**吗", "今日は<b>重要</>です、这里<b>很重要</>吗"),
        ("~취소~ (~취소~) 「~취소~」는 **~둘~**", "<s>취소</> (<s>취소</>) 「<s>취소</>」는 <b><s>둘</></>"),
    ]);
}

#[test]
fn text_that_only_looks_like_markup_is_left_alone() {
    check_unchanged(&[
        "2*3*4, a * b * c",
        "snake_case_name __init__ _a",
        "5~7명, 9시~10시, 네~ 그럼요~~",
        "네^^~내일 봬요~",
        "와!~좋다~",
        "음…~그래요~, 😀~좋아~",
        "SELECT a.*, b.* FROM t",
        "*.js,*.ts",
        "*.md *.rs (*.toml), {*.a,*.b}",
        "(a+b)*c*(d+e)",
        "a[i]*b*c[j], x.*y.*z",
        "SELECT *, count(*) FROM t",
        "박**님과 이**님, 홍길**님과 김철**님",
        "김*수와 이*영, 박**님, 010-****-1234",
        "*^^* (*_*) *.*",
        "^_^ -_- T_T ㅠ_ㅠ >_< ~_~",
        "¯\\_(ツ)_/¯",
        "src/*.rs test/*.rs (*.md)",
        "/* not *//* bold */",
        "*열고\n닫기*",
        "** ** ~~ ~~ _ _",
        "*/5 * * * *",
        "~/a와 ~/b",
        "*",
        "**",
        "*a",
        "a*",
    ]);
}

#[test]
fn code_is_kept_verbatim() {
    check(&[
        ("`*x*`", "<c>*x*</>"),
        ("`` a`b ``는", "<c>a`b</>는"),
        ("`a``b`", "<c>a``b</>"),
        ("` ` `", "` ` `"),
        ("`열기만", "`열기만"),
        ("`` `x` ``", "<c>`x`</>"),
        ("*`x`*", "<b><c>x</></>"),
        ("see ```x``` there", "see <c>x</> there"),
        ("`https://a.b` `@지은`", "<c>https://a.b</> <c>@지은</>"),
        ("`C:\\`", "<c>C:\\</>"),
    ]);
}

#[test]
fn fenced_code_is_a_block() {
    check(&[
        ("```\n*a*\n  b\n```", "<pre >*a*\n  b</>"),
        ("```rust\nfn x() {}\n```\n끝", "<pre rust>fn x() {}</>|끝"),
        ("이거 ```\na\n\nb```", "이거 |<pre >a\n\nb</>"),
        ("```let x = 1```", "<pre >let x = 1</>"),
        ("```두 단어 시작\na\n``` 그리고 *b*", "<pre >두 단어 시작\na</>|그리고 <b>b</>"),
        ("```\n열기만 *b*", "```\n열기만 <b>b</>"),
        ("```\n```", "```\n```"),
        ("``` ```", "``` ```"),
        ("```\na\n``````\nb\n```", "<pre >a</>|<pre >b</>"),
        ("`````\na\n`````", "<pre >a</>"),
        ("````md\n```\na\n```\n````\n끝", "<pre md>```\na\n```</>|끝"),
        ("````\n```rust\nlet a;\n```\n````", "<pre >```rust\nlet a;\n```</>"),
        ("````\n열기만\n```\na\n```", "````\n열기만|<pre >a</>"),
    ]);
}

#[test]
fn quotes_and_lists_are_blocks() {
    check(&[
        ("> 인용 *b*\n> 둘\n답", "<q>인용 <b>b</>\n둘</>|답"),
        (">> 아님\n>아님", ">> 아님\n>아님"),
        ("> > 깊이\n> 얕게", "<q><q>깊이</>|얕게</>"),
        ("> ```\n> a\n> ```", "<q><pre >a</></>"),
        (">\n> a", "<q>a</>"),
        ("> ", "> "),
        ("할 일\n- 하나\n- *둘*\n끝", "할 일|<->하나</><-><b>둘</></>|끝"),
        ("1. 하나\n1. 하나 더\n7. 일곱", "<1.>하나</><1.>하나 더</><7.>일곱</>"),
        ("- a\n  - b\n  c\n- d", "<->a<->b</>|c</><->d</>"),
        ("1. a\n   > b", "<1.>a<q>b</></>"),
        ("- a\n1. b", "<->a</>|<1.>b</>"),
        ("-5도 - 7도", "-5도 - 7도"),
        ("-\n- ", "-\n- "),
        ("2026. 11. 22.", "2026. 11. 22."),
        ("007. 본드", "007. 본드"),
        ("1.5배", "1.5배"),
        ("a\n\n\nb", "a\n\n\nb"),
        ("a\n\n- b\n\nc", "a|<->b</>|c"),
    ]);
}

#[test]
fn links_open_the_address_they_show() {
    check(&[
        ("[문서](https://a.b/c)를", "<a https://a.b/c>문서</>를"),
        ("[w](https://a.b/R_(l))", "<a https://a.b/R_(l)>w</>"),
        ("*[a](http://b.c)*", "<b><a http://b.c>a</></>"),
        ("[a](javascript:alert(1))", "[a](javascript:alert(1))"),
        ("[a](data:text/html,x) [a](//b.c) [a](/b) [a]()", "[a](data:text/html,x) [a](//b.c) [a](/b) [a]()"),
        ("[a](JAVASCRIPT:x) [a](https://)", "[a](JAVASCRIPT:x) [a](https://)"),
        ("[a](https://b.c d)", "[a](<a>https://b.c</> d)"),
        ("[bank.kr](https://evil.example/)", "<a https://evil.example/>bank.kr (evil.example)</>"),
        (
            "[우리은행 www.bank.kr 로그인](https://evil.example)",
            "<a https://evil.example>우리은행 www.bank.kr 로그인 (evil.example)</>",
        ),
        ("[bank.kr](https://www.bank.kr:8443/a)", "<a https://www.bank.kr:8443/a>bank.kr</>"),
        ("[v1.2, 2026. 11. 30.](https://a.kr/c)", "<a https://a.kr/c>v1.2, 2026. 11. 30.</>"),
        ("[README.md](https://a.kr/c)", "<a https://a.kr/c>README.md (a.kr)</>"),
        ("[글](https://bank.kr@evil.example/x)", "<a https://bank.kr@evil.example/x>글 (evil.example)</>"),
        ("https://bank.kr@evil.example/x", "<a>https://bank.kr@evil.example/x (evil.example)</>"),
        ("[글](https://bank.kr\\@evil.example/x)", "<a https://bank.kr\\@evil.example/x>글</>"),
        ("[글](https://bank.kr\u{2060}.evil.example)", "[글](<a>https://bank.kr</>\u{2060}.evil.example)"),
        ("[글](https://evil.example/\u{202E}rk.knab)", "[글](<a>https://evil.example/</>\u{202E}rk.knab)"),
        ("[me@bank.kr](mailto:me@evil.example)", "<a mailto:me@evil.example>me@bank.kr (evil.example)</>"),
        ("[https://bank.kr](https://evil.kr)", "[<a>https://bank.kr</>](<a>https://evil.kr</>)"),
        ("[글](mailto:a@b.kr)", "<a mailto:a@b.kr>글</>"),
        ("[a][b](http://c)", "[a]<a http://c>b</>"),
    ]);
}

#[test]
fn a_bare_url_ends_where_the_sentence_goes_on() {
    check(&[
        ("https://a.kr/x.", "<a>https://a.kr/x</>."),
        ("(https://a.kr/x)", "(<a>https://a.kr/x</>)"),
        ("https://a.kr/R_(l), 끝", "<a>https://a.kr/R_(l)</>, 끝"),
        ("보세요: https://a.kr/?q=1&b=2#c…", "보세요: <a>https://a.kr/?q=1&b=2#c</>…"),
        ("https://a.kr/r/1을 봐요", "<a>https://a.kr/r/1</>을 봐요"),
        ("https://a.kr에서는", "<a>https://a.kr</>에서는"),
        ("https://a.kr/에서", "<a>https://a.kr/</>에서"),
        ("https://나무.위키/w/아이", "<a>https://나무.위키/w/아이</>"),
        ("https://a.kr/w/2024년", "<a>https://a.kr/w/2024년</>"),
        ("(https://a.kr/x)였는데", "(<a>https://a.kr/x</>)였는데"),
        ("「https://a.kr」", "「<a>https://a.kr</>」"),
        ("주소는https://a.kr?", "주소는<a>https://a.kr</>?"),
        ("*https://a.kr/b_c*는", "<b><a>https://a.kr/b_c</></>는"),
        ("HTTPS://A.KR mailto:a@b.kr로", "<a>HTTPS://A.KR</> <a>mailto:a@b.kr</>로"),
        ("<https://a.kr>", "<<a>https://a.kr</>>"),
        ("https://a.kr/\u{202E}x", "<a>https://a.kr/</>\u{202E}x"),
        ("https://a.kr/xㅋㅋㅋ", "<a>https://a.kr/x</>ㅋㅋㅋ"),
        ("https://a.kr/x이고 https://a.kr/x였어요.", "<a>https://a.kr/x</>이고 <a>https://a.kr/x</>였어요."),
        ("https://a.kr/x이었는데ㅠㅠ!", "<a>https://a.kr/x</>이었는데ㅠㅠ!"),
        ("https://a.krㅋㅋ https://a.kr/ㅋㅋ", "<a>https://a.kr</>ㅋㅋ <a>https://a.kr/</>ㅋㅋ"),
        (
            "https://a.kr/w/ㅋㅋㅋ https://a.kr/w/나무ㅎㅎ",
            "<a>https://a.kr/w/ㅋㅋㅋ</> <a>https://a.kr/w/나무</>ㅎㅎ",
        ),
    ]);
    check_unchanged(&[
        "xhttps://a.kr",
        "https://",
        "http://.",
        "ftp://a.kr",
        "javascript:alert(1)",
        "www.a.kr",
        "a@b.kr",
    ]);
}

#[test]
fn only_known_people_are_mentioned() {
    check(&[
        ("@지은 안녕", "<@>지은</> 안녕"),
        ("@지은아, @민수야!", "<@>지은</>아, <@>민수</>야!"),
        ("@지은님께서는", "<@>지은</>님께서는"),
        ("@jieun이 @Jieun", "<@>jieun</>이 <@>Jieun</>"),
        ("*@김 민수*는", "<b><@>김 민수</></>는"),
        ("(@민수)@지은", "(<@>민수</>)<@>지은</>"),
        ("*@a*b*", "<b><@>a*b</></>"),
    ]);
    check_unchanged(&["@지은정 @누구 @2시 @", "@jieunee", "me@Jieun.kr", "@@지은"]);
}

#[test]
fn a_mention_matches_exactly_one_name() {
    assert!(mentions("저기 @지은아", "지은"));
    assert!(mentions("> - *@지은*", "지은"));
    assert!(!mentions("`@지은` @지은정 지은", "지은"));
    assert!(!mentions("@", ""));
}

#[test]
fn a_mention_ends_before_what_korean_puts_behind_a_name() {
    let mentioned = |form: &&str| mentions(&format!("@이름{form} 봐요"), "이름");
    let forms: Vec<&str> = include_str!("suffixes.txt").lines().collect();
    assert!(forms.len() >= 300, "{}", forms.len());
    let missed: Vec<&str> = forms.into_iter().filter(|form| !mentioned(form)).collect();
    assert_eq!(missed, [] as [&str; 0], "these are no mentions");
    let words: Vec<&str> = include_str!("no_suffixes.txt").lines().collect();
    assert!(words.len() >= 200, "{}", words.len());
    let taken: Vec<&str> = words.into_iter().filter(mentioned).collect();
    assert_eq!(taken, [] as [&str; 0], "these are mentions, but another word");
}

#[test]
fn plain_text_has_no_markup() {
    let cases = [
        ("*a* `b` [c](https://d.e) @f", "a b c @f"),
        ("> *a*\n> b\nc", "> a\n> b\nc"),
        ("1. a\n   - b\n2. c", "1. a\n  - b\n2. c"),
        ("```rust\nx\n```", "x"),
        ("a\n\nb", "a\n\nb"),
    ];
    for (text, expected) in cases {
        assert_eq!(plain_text(text), expected, "{text:?}");
    }
}

#[test]
fn one_to_eight_emoji_count_as_only_emoji() {
    for text in ["😀", "👩‍👩‍👧‍👦 👍🏽", "❤️", "🇰🇷🇰🇷", "1️⃣", "✅✅✅✅✅✅✅✅", "🏴󠁧󠁢󠁥󠁮󠁧󠁿", "☺️\n🙏", "☝🏽✌🏽", "⛹🏻‍♂️", "🏳️‍🌈"]
    {
        assert!(is_only_emoji(text), "{text:?}");
    }
    for text in
        ["", " ", "ㅋ😀", "1", "❤", "\u{1F577}", "✅✅✅✅✅✅✅✅✅", "→", "#️", "\u{200D}", "\u{FE0F}", "…"]
    {
        assert_eq!(is_only_emoji(text), text == "#️", "{text:?}");
    }
}

/// Parses four times the longest message, made of input that takes a backtracking parser minutes.
/// The bound is generous because other processes run beside a test.
#[cfg(not(target_arch = "wasm32"))]
#[test]
fn hostile_texts_are_parsed_in_linear_time() {
    use std::time::{Duration, Instant};

    let patterns = [
        "*",
        "_a",
        "*a ",
        "*a _b ~c ",
        "**a* ",
        "`",
        "``` ",
        "` `` ",
        "```\n",
        "```a",
        "[",
        "[a](",
        "[a](http://b(",
        "[a](http://b",
        "](",
        "https://",
        "https://a(",
        "https://a.",
        "https://a가!",
        "@",
        "@지은",
        "> ",
        "> > > > > ",
        "- a\n",
        "  - a\n",
        "1. a\n  ",
        "\n",
        "a\n>",
        "~~가~~는",
        "(",
        "[]",
        "h",
        "m",
        "\u{200D}",
        "*\u{1F600}",
        "_*~",
        "a_",
        "\\*",
        "가*나*",
    ];
    for pattern in patterns {
        let text = pattern.repeat(64 * 1024 / pattern.len());
        let start = Instant::now();
        let blocks = parse(&text, &|after| mention_len(after, "지은"));
        assert!(start.elapsed() < Duration::from_secs(2), "{pattern:?}");
        assert!(depth(&blocks) <= 4 * MAX_DEPTH, "{pattern:?}");
    }
}

#[cfg(not(target_arch = "wasm32"))]
fn depth(blocks: &[Block]) -> usize {
    fn of_spans(spans: &[Span]) -> usize {
        let inner = |span: &Span| if let Span::Styled(_, inner) = span { 1 + of_spans(inner) } else { 1 };
        spans.iter().map(inner).max().unwrap_or(0)
    }
    let of_item = |item: &ListItem| of_spans(&item.text).max(depth(&item.children));
    let of_block = |block: &Block| match block {
        Block::Text(spans) => of_spans(spans),
        Block::Code { .. } => 1,
        Block::Quote(inner) => depth(inner),
        Block::List(items) => items.iter().map(of_item).max().unwrap_or(0),
    };
    blocks.iter().map(|block| 1 + of_block(block)).max().unwrap_or(0)
}

#[cfg(not(target_arch = "wasm32"))]
mod properties {
    use proptest::prelude::*;

    use super::*;

    /// Collects all text and addresses of the tree, in order.
    fn collect_text(blocks: &[Block], out: &mut String) {
        fn of_spans(spans: &[Span], out: &mut String) {
            for span in spans {
                match span {
                    Span::Text(text) | Span::Code(text) | Span::Mention(text) => out.push_str(text),
                    Span::Link { text, address, .. } if text == address => out.push_str(text),
                    Span::Link { text, address, .. } => out.extend([text.as_str(), address]),
                    Span::Styled(_, inner) => of_spans(inner, out),
                }
            }
        }
        for block in blocks {
            match block {
                Block::Text(spans) => of_spans(spans, out),
                Block::Code { language, text } => out.extend([language.as_str(), text]),
                Block::Quote(inner) => collect_text(inner, out),
                Block::List(items) => {
                    for item in items {
                        out.push_str(&item.number.map_or(String::new(), |number| number.to_string()));
                        of_spans(&item.text, out);
                        collect_text(&item.children, out);
                    }
                }
            }
        }
    }

    /// Returns the characters that are never markup.
    fn letters(text: &str) -> String {
        text.chars().filter(|c| !c.is_whitespace() && !"*_~`[]()>-.@".contains(*c)).collect()
    }

    /// Generates texts in which markup is as frequent as letters.
    fn text_with_markup() -> impl Strategy<Value = String> {
        let token = prop_oneof![
            prop::sample::select(vec![
                "*",
                "**",
                "_",
                "~",
                "~~",
                "`",
                "``",
                "```",
                "[",
                "](",
                ")",
                "(",
                "> ",
                "- ",
                "1. ",
                "\n",
                " ",
                "  ",
                "\t",
                "@",
                "@지은",
                "https://a.kr",
                "http://",
                "/",
                "\\",
                ".",
                "가",
                "은",
                "a",
                "7",
                "😀",
                "\u{200D}",
                "mailto:a@b",
            ])
            .prop_map(str::to_owned),
            any::<char>().prop_map(String::from),
        ];
        prop::collection::vec(token, 0..60).prop_map(|tokens| tokens.concat())
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: 2_000, failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn no_letter_is_lost_duplicated_or_moved(text in text_with_markup()) {
            let mut out = String::new();
            collect_text(&parse(&text, &|after| mention_len(after, "지은")), &mut out);
            prop_assert_eq!(letters(&out), letters(&text));
        }

        #[test]
        fn text_without_markup_is_unchanged(text in "[a-zA-Z가-힣ㄱ-ㅎ,!?;0-9][a-zA-Z가-힣ㄱ-ㅎ ,!?;\n]{0,80}[a-z가-힣]") {
            prop_assert_eq!(parse(&text, &|_| 0), [Block::Text(vec![Span::Text(text.clone())])]);
            prop_assert_eq!(plain_text(&text), text);
        }

        #[test]
        fn every_link_has_one_of_the_three_schemes(text in text_with_markup()) {
            fn check(spans: &[Span]) -> bool {
                spans.iter().all(|span| match span {
                    Span::Link { address, .. } => {
                        let address = address.to_ascii_lowercase();
                        ["https://", "http://", "mailto:"].iter().any(|scheme| address.starts_with(scheme))
                    }
                    Span::Styled(_, inner) => check(inner),
                    _ => true,
                })
            }
            for block in parse(&text, &|_| 0) {
                if let Block::Text(spans) = block {
                    prop_assert!(check(&spans));
                }
            }
        }
    }
}
