using StackExchange.Redis;

namespace Clustron.Scenarios;

/// <summary>
/// One of the scenarios: it works in tasks of its own until the pass is over, and checks what it promises. Other scenarios run beside it, on the
/// same multiplexer.
/// </summary>
internal abstract class Scenario(Pass pass)
{
    private readonly TaskCompletionSource _begun = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private long _steps;

    public abstract int Number { get; }

    public abstract string Title { get; }

    /// <summary>It is at work: what happens from now on happens in the middle of it.</summary>
    public Task Begun => _begun.Task;

    /// <summary>How often it came round.</summary>
    public long Steps => Interlocked.Read(ref _steps);

    /// <summary>So often it comes round behind a kill before the next thing happens.</summary>
    public virtual int StepsBehindAKill => 20;

    /// <summary>Works until the pass is over, then checks; says what was done.</summary>
    public abstract Task<string> RunAsync();

    /// <summary>Immediately before the leader is killed.</summary>
    public virtual Task BeforeKillAsync() => Task.CompletedTask;

    protected Pass Pass { get; } = pass;

    protected ClustronClient Client => Pass.Client;

    protected Caller Caller => Pass.Caller;

    protected CancellationToken Over => Pass.Over;

    /// <summary>What the names of its keys, locks, leases and indexes begin with.</summary>
    protected string Name => $"s{Number}:";

    /// <summary>Came round once; the first one says that it has begun.</summary>
    protected void Step(int begunAt = 1)
    {
        if (Interlocked.Increment(ref _steps) >= begunAt) _begun.TrySetResult();
    }

    /// <summary>So many tasks, each of which does this until the pass is over.</summary>
    protected Task LoopsAsync(int count, Func<int, int, Task> round) => Task.WhenAll(Enumerable.Range(0, count).Select(n => Task.Run(async () =>
    {
        for (int i = 0; !Over.IsCancellationRequested; ++i) await round(n, i);
    })));

    /// <summary>A pause between rounds, which the end of the pass cuts short.</summary>
    protected Task PauseAsync(int ms) => Task.Delay(ms, Over).ContinueWith(_ => { }, TaskScheduler.Default);

    protected static RedisKey Key(string name) => name;
}
