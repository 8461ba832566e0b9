using System.Diagnostics;

namespace Clustron.Scenarios;

/// <summary>A scenario has shown what it must not.</summary>
internal sealed class CheckFailedException(string message, Exception? inner = null) : Exception(message, inner);

internal static class Check
{
    /// <summary>A bound against hangs, on any machine.</summary>
    public static readonly TimeSpan Patience = TimeSpan.FromSeconds(90);

    public static void That(bool condition, string what)
    {
        if (!condition) throw new CheckFailedException(what);
    }

    public static void Equal<T>(T expected, T actual, string what) =>
        That(EqualityComparer<T>.Default.Equals(expected, actual), $"{what}: {actual} where {expected} is right");

    /// <summary>Until it holds, however long a slow machine takes.</summary>
    public static async Task UntilAsync(Func<Task<bool>> condition, string what)
    {
        for (long began = Stopwatch.GetTimestamp(); !await condition(); await Task.Delay(25))
            That(Stopwatch.GetElapsedTime(began) < Patience, "it never came: " + what);
    }

    /// <inheritdoc cref="UntilAsync(Func{Task{bool}}, string)"/>
    public static Task UntilAsync(Func<bool> condition, string what) => UntilAsync(() => Task.FromResult(condition()), what);
}

/// <summary>
/// How long something lives at least: its TTL, counted from when the last message that was answered was sent. Used by one task at a time.
/// </summary>
internal sealed class Life(TimeSpan ttl, long sent)
{
    private long _confirmed = sent;

    public void Confirm(long sentAt) => _confirmed = sentAt;

    /// <summary>It may have ended by now.</summary>
    public bool MayBeOver => Stopwatch.GetElapsedTime(_confirmed) >= ttl;

    /// <summary>It was seen to have ended.</summary>
    public void CheckOver(string what) =>
        Check.That(MayBeOver, $"{what} ended {Stopwatch.GetElapsedTime(_confirmed).TotalMilliseconds:F0} ms behind its last confirmation, before its TTL of {ttl.TotalMilliseconds:F0} ms");
}
