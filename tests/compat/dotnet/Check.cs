namespace Compat;

/// <summary>A test that did not find what it should.</summary>
public sealed class CheckFailed(string message) : Exception(message);

/// <summary>The few assertions that these tests need.</summary>
public static class Check
{
    public static void True(bool condition, string what)
    {
        if (!condition) throw new CheckFailed(what);
    }

    public static void Equal<T>(T expected, T actual, string what)
    {
        if (!EqualityComparer<T>.Default.Equals(expected, actual)) throw new CheckFailed($"{what}: expected {expected}, got {actual}");
    }

    public static void Same<T>(IEnumerable<T> expected, IEnumerable<T> actual, string what)
    {
        var (a, b) = (expected.ToList(), actual.ToList());
        if (!a.SequenceEqual(b)) throw new CheckFailed($"{what}: expected {a.Count} [{string.Join(", ", a.Take(10))}], got {b.Count} [{string.Join(", ", b.Take(10))}]");
    }

    public static void Bytes(byte[] expected, byte[]? actual, string what) =>
        True(actual is not null && expected.AsSpan().SequenceEqual(actual), $"{what}: {expected.Length} bytes expected, got {actual?.Length} or others");

    public static void Between(double low, double high, double? actual, string what) =>
        True(actual >= low && actual <= high, $"{what}: {actual} is not within {low} and {high}");

    public static async Task<T> Throws<T>(Func<Task> action, string what) where T : Exception
    {
        try { await action(); }
        catch (T expected) { return expected; }
        throw new CheckFailed($"{what}: no {typeof(T).Name}");
    }

    /// <summary>Waits until the condition holds; fails after ten seconds.</summary>
    public static async Task Soon(Func<Task<bool>> condition, string what, int seconds = 10)
    {
        for (var end = DateTime.UtcNow.AddSeconds(seconds); !await condition(); await Task.Delay(10))
            True(DateTime.UtcNow < end, "not in time: " + what);
    }

    public static Task Soon(Func<bool> condition, string what, int seconds = 10) => Soon(() => Task.FromResult(condition()), what, seconds);
}
