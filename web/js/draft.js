// The checkout form as far as it is filled in.

/** What the customer has typed into the checkout, kept while the page lives and across a reload of the tab. */
export const draft = {
  get() {
    try {
      return JSON.parse(sessionStorage.getItem("kontor.draft")) ?? this.memory;
    } catch {
      return this.memory;
    }
  },
  set(values) {
    this.memory = values;
    try {
      sessionStorage.setItem("kontor.draft", JSON.stringify(values));
    } catch {
      // Kept in memory.
    }
  },
  memory: {},
};
