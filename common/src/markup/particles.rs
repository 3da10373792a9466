//! What Korean puts behind a name or a URL without a space.
//!
//! The grammar, in the order of the letters; each part may be missing:
//!
//! 1. a title (`팀장`, `언니`, `쌤`), then `님`, then the plural `들` or `네`;
//! 2. one case particle (`에게서`, `처럼`, `이`);
//! 3. up to three auxiliary particles (`만`, `까지`, `은`);
//! 4. after auxiliary particles once more one of the plain case particles (`만이`, `까지의`);
//! 5. a form of the copula (`이었는데`, `예요`), or the polite `요`.
//!
//! Short forms of the copula are accepted only directly behind the name: `군인` is a soldier. Jamo (`ㅋㅋㅋ`, `ㅠㅠ`) end a word like a space does.
//! `suffixes.txt` lists forms that this grammar makes, `no_suffixes.txt` words that it must not take for one.

use crate::unicode::{is_hangul, is_jamo};

/// The longest run of Hangul that is checked, in bytes. It bounds the work.
const MAX_BYTES: usize = 14 * '가'.len_utf8();

const MAX_AUXILIARIES: usize = 3;

/// How one addresses people, at work, at school and at home.
const TITLES: &[&str] = &[
    "씨",
    "군",
    "양",
    "쌤",
    "샘",
    "형",
    "언니",
    "오빠",
    "누나",
    "누님",
    "선배",
    "후배",
    "동생",
    "친구",
    "이모",
    "고모",
    "삼촌",
    "아저씨",
    "아주머니",
    "아줌마",
    "어머니",
    "어머님",
    "아버지",
    "아버님",
    "엄마",
    "아빠",
    "할머니",
    "할아버지",
    "선생",
    "교수",
    "박사",
    "조교",
    "강사",
    "학생",
    "반장",
    "회장",
    "부회장",
    "총무",
    "간사",
    "위원",
    "위원장",
    "의장",
    "사장",
    "부사장",
    "대표",
    "이사",
    "상무",
    "전무",
    "본부장",
    "부장",
    "차장",
    "과장",
    "대리",
    "주임",
    "사원",
    "팀장",
    "파트장",
    "실장",
    "센터장",
    "소장",
    "원장",
    "국장",
    "점장",
    "매니저",
    "책임",
    "수석",
    "선임",
    "연구원",
    "프로",
    "감독",
    "코치",
    "작가",
    "기자",
    "피디",
    "디자이너",
    "개발자",
    "변호사",
    "판사",
    "검사",
    "의사",
    "간호사",
    "약사",
    "목사",
    "신부",
    "수녀",
    "스님",
    "집사",
    "권사",
    "장로",
    "전도사",
    "여사",
    "사모",
    "회원",
    "고객",
    "손",
    "관리자",
    "운영자",
    "방장",
    "주인",
    "담당",
    "담당자",
];

/// Particles of which one stands behind a noun.
const CASES: &[&str] = &[
    "이",
    "가",
    "을",
    "를",
    "의",
    "에",
    "에게",
    "에게서",
    "에게로",
    "한테",
    "한테서",
    "한테로",
    "께",
    "께서",
    "께로",
    "에서",
    "로",
    "으로",
    "로서",
    "로서의",
    "으로서의",
    "으로서",
    "로써",
    "으로써",
    "와",
    "과",
    "랑",
    "이랑",
    "하고",
    "처럼",
    "보다",
    "만큼",
    "같이",
    "대로",
    "더러",
    "보고",
    "아",
    "야",
    "여",
    "이여",
    "쪽",
    "쪽에",
    "쪽으로",
    "쪽에서",
];

/// Case particles that may stand behind auxiliary ones.
const PLAIN_CASES: &[&str] = &["이", "가", "을", "를", "의", "에", "에게", "한테"];

/// Particles that add a meaning, also to a case.
const AUXILIARIES: &[&str] = &[
    "은",
    "는",
    "도",
    "만",
    "까지",
    "까지도",
    "부터",
    "마저",
    "조차",
    "마다",
    "밖에",
    "뿐",
    "나",
    "이나",
    "라도",
    "이라도",
    "든",
    "이든",
    "든지",
    "이든지",
    "커녕",
    "은커녕",
    "는커녕",
    "쯤",
    "들",
    "요",
    "말고",
    "빼고",
    "덕분에",
];

/// Forms of the copula that are no other word.
const COPULAS: &[&str] = &[
    "입니다",
    "입니까",
    "이에요",
    "이예요",
    "예요",
    "에요",
    "인데",
    "인데요",
    "인데도",
    "인가",
    "인가요",
    "인지",
    "인지도",
    "인가봐요",
    "이고",
    "이고요",
    "이며",
    "이면",
    "이라면",
    "라면",
    "이지만",
    "이라서",
    "라서",
    "이니까",
    "니까",
    "이죠",
    "이지",
    "이지요",
    "이네",
    "이네요",
    "네요",
    "이다",
    "이었다",
    "였다",
    "이었어",
    "였어",
    "이었어요",
    "였어요",
    "이었습니다",
    "였습니다",
    "이었는데",
    "였는데",
    "이었는데요",
    "였는데요",
    "이었고",
    "였고",
    "이었지만",
    "였지만",
    "이었던",
    "였던",
    "이라고",
    "라고",
    "이라고요",
    "라고요",
    "이라는",
    "라는",
    "이라며",
    "라며",
    "이란",
    "이래요",
    "래요",
    "이랍니다",
    "랍니다",
    "이잖아",
    "잖아",
    "이잖아요",
    "잖아요",
    "이거든",
    "거든",
    "이거든요",
    "거든요",
    "이구나",
    "구나",
    "이군요",
    "군요",
    "일까",
    "일까요",
    "일지",
    "일지도",
    "일걸",
    "일걸요",
    "이십니다",
    "이세요",
    "세요",
    "이신데",
    "이신데요",
    "이시고",
    "이시죠",
    "이신가요",
    "이신가",
    "이셨어요",
    "셨어요",
    "이셨는데",
    "셨는데",
    "이야",
    "이랍시고",
    "아닌가요",
];

/// Forms of the copula that would make another word with a title or a particle.
const SHORT_COPULAS: &[&str] = &["인", "이신", "라", "이라", "란"];

/// Returns the longest prefix of `text` that is Hangul.
pub(super) fn hangul_run(text: &str) -> &str {
    &text[..text.find(|c| !is_hangul(c)).unwrap_or(text.len())]
}

/// Whether `run`, which is Hangul and follows a name or a URL, belongs to the sentence and not to the name.
pub(super) fn is_suffix(run: &str) -> bool {
    let syllables = &run[..run.find(is_jamo).unwrap_or(run.len())];
    syllables.len() <= MAX_BYTES
        && (SHORT_COPULAS.contains(&syllables)
            || is_ending(syllables)
            || without_title(syllables).any(is_ending))
}

/// Returns what may be left of `run` without a title, `님` and the plural; at least one of them was there.
fn without_title(run: &str) -> impl Iterator<Item = &str> {
    let titled = TITLES.iter().filter_map(|title| run.strip_prefix(title)).chain([run]);
    titled
        .flat_map(|rest| [Some(rest), rest.strip_prefix("님")])
        .flatten()
        .flat_map(|rest| [Some(rest), rest.strip_prefix("들"), rest.strip_prefix("네")])
        .flatten()
        .filter(move |rest| rest.len() < run.len())
}

fn is_ending(run: &str) -> bool {
    is_copula(run) || has_particles(run)
}

fn is_copula(run: &str) -> bool {
    run.is_empty() || COPULAS.contains(&run)
}

fn has_particles(run: &str) -> bool {
    let after_case = CASES.iter().filter_map(|case| run.strip_prefix(case)).chain([run]);
    after_case.into_iter().any(|rest| has_auxiliaries(rest, MAX_AUXILIARIES))
}

/// Whether `run` is at most `left` auxiliary particles and what may follow them.
fn has_auxiliaries(run: &str, left: usize) -> bool {
    if is_copula(run) {
        return true;
    }
    let after_one = || AUXILIARIES.iter().filter_map(|auxiliary| run.strip_prefix(auxiliary));
    left > 0
        && after_one().any(|rest| {
            has_auxiliaries(rest, left - 1)
                || PLAIN_CASES.iter().filter_map(|case| rest.strip_prefix(case)).any(is_copula)
        })
}
