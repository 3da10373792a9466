//! A notification sound of two soft notes, synthesized by the browser, so that no file is loaded.

use leptos::prelude::*;
use wasm_bindgen::JsValue;
use web_sys::AudioContext;

/// The minimum time between two sounds, in ms.
const MIN_INTERVAL: f64 = 2_000.0;

/// The frequency of each note in hertz, and its start in seconds.
const NOTES: [(f32, f64); 2] = [(587.3, 0.0), (880.0, 0.11)];

const NOTE_DURATION: f64 = 0.35;
const SILENCE: f32 = 0.0001;
const VOLUME: f32 = 0.09;

/// The audio context, created when first needed, and the time of the last sound.
#[derive(Clone, Copy)]
pub(super) struct Sound(StoredValue<(Option<AudioContext>, f64), LocalStorage>);

impl Sound {
    pub(super) fn new() -> Sound {
        Sound(StoredValue::new_local((None, f64::MIN)))
    }

    pub(super) fn play(self) {
        self.0.update_value(|(context, last_played)| {
            let now = js_sys::Date::now();
            if now - *last_played < MIN_INTERVAL {
                return;
            }
            *last_played = now;
            if context.is_none() {
                *context = AudioContext::new().ok();
            }
            if let Some(context) = context {
                // Fails silently in a browser that plays no sound before the first interaction.
                let _ = play_notes(context);
            }
        });
    }
}

fn play_notes(context: &AudioContext) -> Result<(), JsValue> {
    let now = context.current_time();
    for (pitch, after) in NOTES {
        let (note, volume) = (context.create_oscillator()?, context.create_gain()?);
        let start = now + after;
        note.frequency().set_value(pitch);
        let gain = volume.gain();
        gain.set_value_at_time(SILENCE, start)?;
        gain.exponential_ramp_to_value_at_time(VOLUME, start + 0.015)?;
        gain.exponential_ramp_to_value_at_time(SILENCE, start + NOTE_DURATION)?;
        note.connect_with_audio_node(&volume)?;
        volume.connect_with_audio_node(&context.destination())?;
        note.start_with_when(start)?;
        note.stop_with_when(start + NOTE_DURATION)?;
    }
    Ok(())
}
