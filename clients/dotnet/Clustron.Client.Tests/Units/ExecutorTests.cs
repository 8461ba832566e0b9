using Clustron.Internal;
using StackExchange.Redis;

namespace Clustron.Tests;

public class ExecutorTests
{
    private readonly FakeClock _clock = new();
    private readonly FakePort _port = new();
    private readonly Executor _executor;

    public ExecutorTests() =>
        _executor = new Executor(_port, new ClustronOptions { TimeProvider = _clock, RetryFor = TimeSpan.FromSeconds(10), HedgeAfter = TimeSpan.FromSeconds(1) });

    private Task<RedisResult> Ask(Repeat repeat) => _executor.AskAsync(Command.Of("X"), repeat, CancellationToken.None);

    [Fact]
    public async Task What_did_not_happen_is_sent_again_until_it_does()
    {
        int n = 0;
        _port.Answer = _ => ++n < 4 ? FakePort.Error("CLUSTERDOWN no majority") : FakePort.One("done");
        Task<RedisResult> ask = Ask(Repeat.IfNotApplied);
        await _clock.AdvanceAsync(2000);
        Assert.Equal("done", (string?)await ask);
        Assert.Equal(4, n);
    }

    [Fact]
    public async Task What_may_have_happened_is_not_sent_again()
    {
        _port.Answer = _ => FakePort.Error("UNCERTAIN no answer");
        await Assert.ThrowsAsync<UncertainException>(() => Ask(Repeat.IfNotApplied));
        _port.Answer = _ => Task.FromException<RedisResult>(new RedisTimeoutException("late", CommandStatus.Sent));
        var error = await Assert.ThrowsAsync<UncertainException>(() => Ask(Repeat.IfNotApplied));
        Assert.IsType<RedisTimeoutException>(error.InnerException);
        Assert.Equal(2, _port.Sent.Count);
    }

    [Fact]
    public async Task A_pipe_that_has_just_broken_is_a_lost_answer()
    {
        // StackExchange.Redis tells what the pipe to a connection that breaks throws as it comes.
        var pipe = new System.IO.Pipelines.Pipe();
        pipe.Writer.Complete();
        Exception broken = Assert.Throws<InvalidOperationException>(() => pipe.Writer.GetSpan(1));
        int n = 0;
        _port.Answer = _ => ++n < 3 ? Task.FromException<RedisResult>(broken) : FakePort.One(5);
        await Assert.ThrowsAsync<UncertainException>(() => Ask(Repeat.IfNotApplied));
        Task<RedisResult> ask = Ask(Repeat.Safe);
        await _clock.AdvanceAsync(1000);
        Assert.Equal(5, (int)await ask);
        Assert.Equal([0, 1, 2], _port.Nodes);
    }

    [Fact]
    public async Task What_is_safe_is_sent_again_and_to_another_node()
    {
        int n = 0;
        _port.Answer = _ => ++n < 3 ? FakePort.Error("UNCERTAIN no answer") : FakePort.One(5);
        Task<RedisResult> ask = Ask(Repeat.Safe);
        await _clock.AdvanceAsync(1000);
        Assert.Equal(5, (int)await ask);
        Assert.Equal([0, 1, 2], _port.Nodes);
    }

    [Fact]
    public async Task Without_an_answer_another_node_is_asked_and_the_first_answer_counts()
    {
        var replies = new List<TaskCompletionSource<RedisResult>>();
        _port.Answer = _ =>
        {
            replies.Add(new TaskCompletionSource<RedisResult>());
            return replies[^1].Task;
        };
        var late = new List<string?>();
        long began = _clock.GetTimestamp();
        Task<Answer> run = _executor.RunAsync(Command.Of("X"), Repeat.Safe, new Limits { Late = r => late.Add((string?)r) }, CancellationToken.None);
        await _clock.AdvanceAsync(999);
        Assert.Single(replies);
        await _clock.AdvanceAsync(2);
        Assert.Equal([0, 1], _port.Nodes);
        replies[1].SetResult(RedisResult.Create((RedisValue)"second"));
        Answer answer = await run;
        Assert.Equal("second", (string?)answer.Result);
        Assert.True(answer.Repeated);
        Assert.Equal(began, answer.FirstSent);
        Assert.Equal(1000, _clock.GetElapsedTime(answer.FirstSent, answer.Sent).TotalMilliseconds, 1.0);
        replies[0].SetResult(RedisResult.Create((RedisValue)"first"));
        await FakeClock.Settle();
        Assert.Equal(["first"], late);
    }

    [Fact]
    public async Task An_unsafe_command_is_never_hedged_but_later_ones_go_elsewhere()
    {
        Task<RedisResult> ask = Ask(Repeat.IfNotApplied);
        await _clock.AdvanceAsync(30_000);
        Assert.Single(_port.Sent);
        Assert.False(ask.IsCompleted);
        Assert.Equal(1, _port.Node);
    }

    [Fact]
    public async Task The_end_tells_what_is_certain()
    {
        Task<RedisResult> safe = Ask(Repeat.Safe), read = Ask(Repeat.Read);
        await _clock.AdvanceAsync(11_000);
        await Assert.ThrowsAsync<UncertainException>(() => safe);
        await Assert.ThrowsAsync<UnavailableException>(() => read);
        _port.Answer = _ => FakePort.Error("CLUSTERDOWN no majority");
        Task<RedisResult> down = Ask(Repeat.IfNotApplied);
        await _clock.AdvanceAsync(11_000);
        Assert.Equal("CLUSTERDOWN", (await Assert.ThrowsAsync<UnavailableException>(() => down)).Code);
    }

    [Fact]
    public async Task The_last_part_of_a_millisecond_is_no_reason_to_ask_without_a_pause()
    {
        var limits = new Limits { RetryFor = TimeSpan.FromMicroseconds(100_700), HedgeAfter = TimeSpan.FromMicroseconds(33_300) };
        Task<Answer> run = _executor.RunAsync(Command.Of("X"), Repeat.Safe, limits, CancellationToken.None);
        await _clock.AdvanceAsync(200);
        await Assert.ThrowsAsync<UncertainException>(() => Wait.For(run, "the end"));
        Assert.InRange(_port.Sent.Count, 3, 5);
        _port.Answer = _ => FakePort.Error("UNCERTAIN no answer");
        limits = new Limits { RetryFor = TimeSpan.FromMicroseconds(700) };
        int sent = _port.Sent.Count;
        run = _executor.RunAsync(Command.Of("X"), Repeat.Safe, limits, CancellationToken.None);
        await Assert.ThrowsAsync<UncertainException>(() => Wait.For(run, "the end", 2000));
        Assert.Equal(sent + 1, _port.Sent.Count);
    }

    [Fact]
    public async Task A_subscription_is_tried_again_while_the_connection_breaks()
    {
        _port.BrokenSubscriptions = 3;
        Task<IAsyncDisposable> subscribe = _executor.SubscribeAsync("c", _ => { }, CancellationToken.None);
        await _clock.AdvanceAsync(1000);
        await (await Wait.For(subscribe, "the subscription")).DisposeAsync();
        _port.BrokenSubscriptions = int.MaxValue;
        subscribe = _executor.SubscribeAsync("c", _ => { }, CancellationToken.None);
        await _clock.AdvanceAsync(11_000);
        await Assert.ThrowsAsync<UnavailableException>(() => Wait.For(subscribe, "the end"));
        Assert.Equal(0, _port.Subscriptions);
    }

    [Fact]
    public async Task A_refusal_is_told_at_once()
    {
        _port.Answer = _ => FakePort.Error("WRONGTYPE no");
        Assert.Equal("WRONGTYPE", (await Assert.ThrowsAsync<ClustronException>(() => Ask(Repeat.Safe))).Code);
        Assert.Single(_port.Sent);
        Assert.Equal(0, _port.Node);
    }

    [Fact]
    public async Task Who_gives_up_is_gone_at_once()
    {
        using var stop = new CancellationTokenSource();
        Task<RedisResult> ask = _executor.AskAsync(Command.Of("X"), Repeat.Safe, stop.Token);
        await FakeClock.Settle();
        await stop.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => ask);
    }
}
