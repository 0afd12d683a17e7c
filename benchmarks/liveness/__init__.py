"""Pictures held before a camera, and heads turned before it, rendered and judged."""
