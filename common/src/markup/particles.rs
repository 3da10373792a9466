//! The Korean particles that follow a name or a URL without a space.

use crate::unicode::is_hangul;

/// Returns the longest prefix of `text` that is Hangul.
pub(super) fn hangul_run(text: &str) -> &str {
    &text[..text.find(|c| !is_hangul(c)).unwrap_or(text.len())]
}

/// The longest run of Hangul that is checked for particles, in bytes. It bounds the recursion.
const MAX_PARTICLES_BYTES: usize = 8 * '가'.len_utf8();

/// Particles, titles and forms of the copula that may follow a name or a URL.
const PARTICLES: &str = "은 는 이 가 을 를 에 의 도 만 로 으로 와 과 랑 이랑 하고 에서 에게 \
    한테 께 께서 까지 부터 보다 처럼 마다 조차 밖에 나 이나 라 이라 라고 라는 \
    란 인데 입니다 이에요 예요 이야 야 아 여 요 님 씨 들 쪽 대로 네 형 언니 \
    오빠 누나 선배 쌤";

/// Whether `run` consists only of particles: `에서는`, `님께서도`.
pub(super) fn is_particle(run: &str) -> bool {
    run.len() <= MAX_PARTICLES_BYTES
        && PARTICLES.split(' ').any(|particle| {
            run.strip_prefix(particle).is_some_and(|rest| rest.is_empty() || is_particle(rest))
        })
}
