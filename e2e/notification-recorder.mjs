// Records the notifications that a page shows, and controls whether the page is visible.

/** Replaces the system's notifications, which a test cannot see. */
export function recordNotifications({ page }) {
  return page.addInitScript(() => {
    window.notifications = { asked: 0, shown: [] };
    window.Notification = class {
      static permission = 'default';
      static async requestPermission() {
        window.notifications.asked += 1;
        return (this.permission = 'granted');
      }
      constructor(title, { body }) {
        window.notifications.shown.push(`${title}: ${body}`);
      }
      close() {}
    };
  });
}

export function recordedNotifications({ page }) {
  return page.evaluate(() => window.notifications);
}

/** Makes the page visible or hidden. */
export function setVisible({ page }, isVisible) {
  return page.evaluate((hidden) => {
    Object.defineProperty(document, 'hidden', { configurable: true, get: () => hidden });
    document.dispatchEvent(new Event('visibilitychange', { bubbles: true }));
  }, !isVisible);
}
