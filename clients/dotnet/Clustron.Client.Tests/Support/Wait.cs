using System.Diagnostics;

namespace Clustron.Tests;

internal static class Wait
{
    /// <summary>Until it holds; fails after that time.</summary>
    public static async Task Until(Func<bool> condition, string what, int ms = 10_000)
    {
        for (long began = Stopwatch.GetTimestamp(); !condition(); await Task.Delay(5))
            Assert.True(Stopwatch.GetElapsedTime(began).TotalMilliseconds < ms, "not in time: " + what);
    }

    /// <summary>The task's result, or a failure after that time.</summary>
    public static async Task<T> For<T>(Task<T> task, string what, int ms = 10_000)
    {
        Assert.True(await Task.WhenAny(task, Task.Delay(ms)) == task, "not in time: " + what);
        return await task;
    }

    public static async Task For(Task task, string what, int ms = 10_000)
    {
        Assert.True(await Task.WhenAny(task, Task.Delay(ms)) == task, "not in time: " + what);
        await task;
    }
}
