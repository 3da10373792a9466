//! A knock of two soft notes, made by the browser: nothing is loaded for it.

use leptos::prelude::*;
use wasm_bindgen::JsValue;
use web_sys::AudioContext;

/// A busy room knocks no more often than this, in ms.
const PAUSE: f64 = 2_000.0;

/// Each note: its pitch in hertz, and when it begins, in seconds.
const NOTES: [(f32, f64); 2] = [(587.3, 0.0), (880.0, 0.11)];

const LASTS: f64 = 0.35;
const SILENCE: f32 = 0.0001;
const LOUDNESS: f32 = 0.09;

/// The device for it, opened when it is first needed, and when it was last heard.
#[derive(Clone, Copy)]
pub(super) struct Sound(StoredValue<(Option<AudioContext>, f64), LocalStorage>);

impl Sound {
    pub(super) fn new() -> Sound {
        Sound(StoredValue::new_local((None, f64::MIN)))
    }

    pub(super) fn play(self) {
        self.0.update_value(|(context, heard)| {
            let now = js_sys::Date::now();
            if now - *heard < PAUSE {
                return;
            }
            *heard = now;
            if context.is_none() {
                *context = AudioContext::new().ok();
            }
            if let Some(context) = context {
                // A browser that lets no page sound that was not touched yet stays silent.
                let _ = knock(context);
            }
        });
    }
}

fn knock(context: &AudioContext) -> Result<(), JsValue> {
    let now = context.current_time();
    for (pitch, after) in NOTES {
        let (note, volume) = (context.create_oscillator()?, context.create_gain()?);
        let start = now + after;
        note.frequency().set_value(pitch);
        let gain = volume.gain();
        gain.set_value_at_time(SILENCE, start)?;
        gain.exponential_ramp_to_value_at_time(LOUDNESS, start + 0.015)?;
        gain.exponential_ramp_to_value_at_time(SILENCE, start + LASTS)?;
        note.connect_with_audio_node(&volume)?;
        volume.connect_with_audio_node(&context.destination())?;
        note.start_with_when(start)?;
        note.stop_with_when(start + LASTS)?;
    }
    Ok(())
}
